//! A centre with everybody in it, a server in front of it, and a client that sends what it is told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use banbury_evidence::act::{Act, ArtefactKind, Role};
use banbury_evidence::keys::KeyPair;
use banbury_evidence::store::Store;
use banbury_evidence::{Sha256, keys};
use banbury_server::{Options, Server};
use serde_json::json;

/// A person of each role; the vendor engineer works for the vendor of `core-2`.
pub const PEOPLE: [(&str, Role, &str); 8] = [
    ("root", Role::Administrator, "Centre"),
    ("ann", Role::Lead, "Centre"),
    ("eve", Role::Evaluator, "Centre"),
    ("max", Role::Evaluator, "Centre"),
    ("vera", Role::VendorEngineer, "Orbital"),
    ("otto", Role::Operator, "Operator"),
    ("olga", Role::Overseer, "Board"),
    ("axel", Role::Auditor, "Auditors"),
];

pub const PASSWORD: &str = "four words are enough";

/// A log with findings `f0`, `f1` ... of falling weight, each with a path of two steps.
pub fn sarif(tool: &str, from: usize, to: usize) -> Vec<u8> {
    let place = |line: usize, message: &str| {
        json!({"physicalLocation": {"artifactLocation": {"uri": "src/a.c"}, "region": {
            "startLine": line, "startColumn": 1, "endColumn": 4, "snippet": {"text": "int <b>x</b>;"}}},
            "logicalLocations": [{"name": "decode"}], "message": {"text": message}})
    };
    let results: Vec<_> = (from..to)
        .map(|n| {
            json!({"ruleId": "buffer-overflow", "message": {"text": format!("about <i>f{n}</i>")},
            "partialFingerprints": {"t/v1": format!("f{n}")}, "locations": [place(n + 1, "")],
            "codeFlows": [{"threadFlows": [{"locations": [
                {"location": place(n + 1, "read here"), "kinds": ["acquire"]},
                {"location": place(n + 2, "used here"), "kinds": ["danger"]}]}]}],
            "properties": {"weight": 20.0 - n as f64}})
        })
        .collect();
    let run = json!({"tool": {"driver": {"name": tool, "version": "1"}}, "results": results,
        "properties": {"totals": {"functions": 10, "functions_fully_analysed": 9, "lines": 1000}}});
    json!({"version": "2.1.0", "runs": [run]}).to_string().into_bytes()
}

/// A comparison with changes `c0` and `c1`.
fn changes() -> Vec<u8> {
    let change = |n: usize| {
        json!({"ruleId": "changed", "message": {"text": format!("change <u>{n}</u>")},
            "partialFingerprints": {"banbury-change/v1": format!("c{n}")},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "src/a.c"},
                "region": {"startLine": 1, "endLine": 2}}}],
            "properties": {"side": "new", "weight": 5.0, "group": n, "changedLines": 2, "function": "f",
                "oldLines": [1, 1], "reasons": [{"name": "changed.relation-kind", "decibans": 15.0}]}})
    };
    let run = json!({"tool": {"driver": {"name": "banbury"}}, "results": [change(0), change(1)]});
    json!({"version": "2.1.0", "runs": [run]}).to_string().into_bytes()
}

fn open(store: &mut Store, evaluation: &str, vendor: &str, after: Option<&str>) {
    let act = Act::Open {
        evaluation: evaluation.into(),
        vendor: vendor.into(),
        product: "Core".into(),
        release: evaluation.into(),
        after: after.map(str::to_owned),
    };
    store.act("ann", act).unwrap();
}

pub fn run(store: &mut Store, evaluation: &str, log: &[u8], findings: usize) {
    let results = store.put(log).unwrap();
    let act = Act::Run {
        evaluation: evaluation.into(),
        tool: "tool".into(),
        version: "1".into(),
        artefact: None,
        results,
        findings: findings as u64,
        attestation: None,
    };
    store.act("eve", act).unwrap();
}

/// `core-1`, `core-2` after it with a comparison and `f1` under embargo, and another vendor's `other`.
pub fn found(path: &Path) -> Vec<KeyPair> {
    let mut store = Store::found(path, "centre.example").unwrap();
    let mut all = Vec::new();
    for (name, role, organisation) in PEOPLE {
        let key = keys::generate(name).unwrap();
        let act = Act::Person {
            person: name.into(),
            roles: vec![role],
            organisation: organisation.into(),
            key: Some(key.public.clone()),
        };
        store.act("root", act).unwrap();
        all.push(key);
    }
    open(&mut store, "core-1", "Orbital", None);
    run(&mut store, "core-1", &sarif("tool", 2, 6), 4);
    open(&mut store, "core-2", "Orbital", Some("core-1"));
    let (content, bytes) = (Sha256::of(b"core-2"), 6);
    let name = "core-2.tar".to_owned();
    let kind = ArtefactKind::Source;
    store.act("eve", Act::Artefact { evaluation: "core-2".into(), name, kind, content, bytes }).unwrap();
    run(&mut store, "core-2", &sarif("tool", 0, 5), 5);
    let changes = store.put(&changes()).unwrap();
    let act = Act::Comparison {
        evaluation: "core-2".into(),
        tool: "banbury".into(),
        version: "1".into(),
        before: Sha256::of(b"core-1"),
        artefact: content,
        changes,
        count: 2,
    };
    store.act("eve", act).unwrap();
    let reason = "nationally significant".to_owned();
    store.act("ann", Act::Embargo { evaluation: "core-2".into(), finding: "f1".into(), reason }).unwrap();
    open(&mut store, "other", "Rival", None);
    run(&mut store, "other", &sarif("tool", 0, 2), 2);
    all
}

pub struct Site {
    pub folder: tempfile::TempDir,
    pub keys: Vec<KeyPair>,
    running: Option<(Sender<()>, JoinHandle<()>)>,
    pub at: SocketAddr,
    invitations: Vec<(String, String)>,
}

impl Site {
    pub fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let keys = found(&folder.path().join("centre"));
        let mut site = Site {
            folder,
            keys,
            running: None,
            at: SocketAddr::from(([127, 0, 0, 1], 0)),
            invitations: Vec::new(),
        };
        site.start();
        site
    }

    pub fn centre(&self) -> PathBuf {
        self.folder.path().join("centre")
    }

    pub fn start(&mut self) {
        let releases = self.folder.path().join("releases");
        std::fs::create_dir_all(&releases).unwrap();
        let options = Options {
            centre: self.centre(),
            program: "/nonexistent/banbury".into(),
            releases: Some(releases),
            hosts: vec!["centre.example".into()],
            secure: false,
            max_upload: 64 << 10,
        };
        let server = Server::open(options, None).unwrap();
        self.invitations =
            PEOPLE.iter().map(|(name, ..)| ((*name).to_owned(), server.invite(name).unwrap())).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        self.at = listener.local_addr().unwrap();
        let (stop, stopped) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || server.run_until(listener, stopped).unwrap());
        self.running = Some((stop, thread));
    }

    pub fn stop(&mut self) {
        let (stop, thread) = self.running.take().unwrap();
        stop.send(()).unwrap();
        thread.join().unwrap();
    }

    /// Somebody with a password, signed in.
    pub fn person(&self, name: &str) -> Client {
        let (_, code) = self.invitations.iter().find(|(one, _)| one == name).unwrap();
        let mut client = self.nobody();
        let form = format!("code={code}&password={0}&again={0}", PASSWORD.replace(' ', "+"));
        let answer = client.post("/welcome", &form);
        assert_eq!(answer.status, 303, "{}", answer.body);
        client.take_session(&answer);
        client
    }

    pub fn nobody(&self) -> Client {
        Client { at: self.at, cookie: None, csrf: String::new(), headers: Vec::new() }
    }
}

/// One browser, as far as the server can tell.
#[derive(Clone)]
pub struct Client {
    at: SocketAddr,
    pub cookie: Option<String>,
    pub csrf: String,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }
}

impl Client {
    pub fn take_session(&mut self, answer: &Answer) {
        let cookie = answer.header("set-cookie").expect("a session");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        let page = self.get("/account").body;
        let field = page.split("name=\"csrf\" value=\"").nth(1).expect("a form");
        self.csrf = field.split('"').next().unwrap().to_owned();
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, b"")
    }

    /// A form with the session's secret.
    pub fn post(&self, path: &str, form: &str) -> Answer {
        let body = format!("{form}&csrf={}", self.csrf);
        self.send("POST", path, Some("application/x-www-form-urlencoded"), body.as_bytes())
    }

    /// A form with one file.
    pub fn upload(&self, path: &str, name: &str, content: &[u8]) -> Answer {
        let mut body = Vec::new();
        write!(body, "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{}\r\n", self.csrf)
            .unwrap();
        write!(body, "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n")
            .unwrap();
        body.extend(content);
        body.extend(b"\r\n--x--\r\n");
        self.send("POST", path, Some("multipart/form-data; boundary=x"), &body)
    }

    pub fn send(&self, method: &str, path: &str, kind: Option<&str>, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.at).unwrap();
        let given = |name: &str| self.headers.iter().any(|(one, _)| one.eq_ignore_ascii_case(name));
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        if !given("host") {
            head.push_str(&format!("Host: {}\r\n", self.at));
        }
        if let Some(kind) = kind {
            head.push_str(&format!("Content-Type: {kind}\r\n"));
        }
        if let Some(cookie) = &self.cookie {
            head.push_str(&format!("Cookie: {cookie}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // A server that has heard enough may close before everything is sent.
        let _ = stream.write_all(body);
        let mut raw = Vec::new();
        let _ = stream.read_to_end(&mut raw);
        parse(&raw)
    }
}

fn parse(raw: &[u8]) -> Answer {
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8_lossy(&raw[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let header =
        |line: &str| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let headers = lines.filter_map(header).collect();
    Answer { status, headers, body: String::from_utf8_lossy(&raw[end + 4..]).into_owned() }
}
