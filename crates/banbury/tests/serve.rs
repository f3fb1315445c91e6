//! `banbury serve` as its users start it: a demonstration, and a review of an uploaded archive.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const OLD: &str = "#include <string.h>\n\
    int copy(char *to, const char *from, unsigned len) {\n\
        char buf[16];\n        if (len > 16) return -1;\n        memcpy(buf, from, len);\n        memcpy(to, buf, len);\n        return 0;\n}\n\
    void clear(void) { char b[4]; memset(b, 0, 5); }\n";

fn release(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.join("src")).unwrap();
    std::fs::write(path.join("src/copy.c"), text).unwrap();
    path
}

struct Running {
    child: Child,
    at: String,
    password: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a demonstration and waits until it says where it is.
fn start(folder: &Path, old: &Path, new: &Path) -> Running {
    let mut child = Command::new(env!("CARGO_BIN_EXE_banbury"))
        .args(["serve", "--port", "0", "--demo"])
        .args([old, new])
        .env("TMPDIR", folder)
        .current_dir(folder)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(rest) = line.strip_prefix("sign in at http://") {
            let at = rest.split(' ').next().unwrap().to_owned();
            return Running { child, at, password: rest.rsplit(' ').next().unwrap().to_owned() };
        }
        said.push_str(&line);
        said.push('\n');
    }
    let _ = child.wait();
    panic!("it ended: {said}");
}

impl Running {
    fn send(&self, cookie: &str, method: &str, path: &str, kind: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.at).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {cookie}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            self.at,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut out = Vec::new();
        stream.read_to_end(&mut out).unwrap();
        String::from_utf8_lossy(&out).into_owned()
    }

    fn get(&self, cookie: &str, path: &str) -> String {
        self.send(cookie, "GET", path, "", b"")
    }

    fn sign_in(&self, person: &str) -> String {
        let form = format!("person={person}&password={}", self.password);
        let answer = self.send("", "POST", "/sign-in", "application/x-www-form-urlencoded", form.as_bytes());
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect(&answer);
        cookie.split(';').next().unwrap().to_owned()
    }
}

fn archive(release: &Path) -> Vec<u8> {
    let out = Command::new("tar").arg("-C").arg(release).args(["-czf", "-", "src"]).output().unwrap();
    assert!(out.status.success());
    out.stdout
}

#[test]
fn a_demonstration_has_something_real_on_every_page() {
    let folder = tempfile::tempdir().unwrap();
    let old = release(folder.path(), "gateway-1", OLD);
    let new = release(folder.path(), "gateway-2", &OLD.replace("len > 16", "len > 160"));
    let site = start(folder.path(), &old, &new);
    let ann = site.sign_in("ann");
    let overview = site.get(&ann, "/evaluations");
    assert!(overview.contains("gateway-1") && overview.contains("signed</span>"), "{overview}");
    let findings = site.get(&ann, "/evaluations/gateway-2/findings");
    assert!(findings.contains("copy.c:"), "{findings}");
    let changes = site.get(&ann, "/evaluations/gateway-2/changes");
    assert!(changes.contains("len &#62; 16)") && changes.contains("len &#62; 160)"), "{changes}");
    let name = findings.split("/findings/").nth(1).unwrap().split(['"', '?']).next().unwrap();
    let finding = site.get(&ann, &format!("/evaluations/gateway-2/findings/{name}"));
    assert!(finding.contains("class=\"source\"") && !finding.contains("the source is not here"), "{finding}");
    for path in ["/log", "/log/5", "/report", "/jobs", "/evaluations/gateway-1"] {
        assert!(site.get(&ann, path).starts_with("HTTP/1.1 200"), "{path}");
    }

    let page = site.get(&ann, "/evaluations/gateway-2/review");
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let third = release(folder.path(), "gateway-3", &OLD.replace("char buf[16]", "char buf[8]"));
    let mut body = format!("--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"gateway-3.tar.gz\"\r\n\r\n").into_bytes();
    body.extend(archive(&third));
    body.extend(b"\r\n--x--\r\n");
    let answer =
        site.send(&ann, "POST", "/evaluations/gateway-2/review", "multipart/form-data; boundary=x", &body);
    let job =
        answer.lines().find_map(|line| line.strip_prefix("location: /jobs/")).expect(&answer).to_owned();
    // The stream of events ends with the job.
    let events = site.get(&ann, &format!("/jobs/{job}/events"));
    assert!(events.contains("\"outcome\":\"done\""), "{events}");
    let begun = Instant::now();
    let evaluation = site.get(&ann, "/evaluations/gateway-2");
    assert!(
        evaluation.contains("gateway-3.tar.gz") && begun.elapsed() < Duration::from_secs(10),
        "{evaluation}"
    );
}
