//! An evaluation from founding the centre to an overseer's check, on the command line.

use std::path::Path;
use std::process::{Command, Output};

struct Centre {
    folder: tempfile::TempDir,
}

impl Centre {
    fn banbury(&self, line: &str) -> Output {
        let words = line.split_whitespace();
        let mut command = Command::new(env!("CARGO_BIN_EXE_banbury"));
        command.args(words).current_dir(self.folder.path()).output().unwrap()
    }

    /// Standard output of a command that ends with this code.
    fn run(&self, code: i32, line: &str) -> String {
        let output = self.banbury(line);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{line}: {error}");
        String::from_utf8(output.stdout).unwrap() + &error
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

const SOURCE: &str = "#include <string.h>\nvoid f(void) { char b[4]; memset(b, 0, 5); }\n";

/// A centre with people, and a release reviewed in it.
fn centre() -> Centre {
    let centre = Centre { folder: tempfile::tempdir().unwrap() };
    std::fs::write(centre.path().join("a.c"), SOURCE).unwrap();
    centre.run(0, "evaluation found c --name centre.example --admin root");
    for (person, role) in [("ann", "lead"), ("bob", "evaluator"), ("eve", "evaluator"), ("olga", "overseer")]
    {
        let key = centre.run(0, &format!("evidence keygen {person} --out {person}.key"));
        std::fs::write(centre.path().join(format!("{person}.pub")), key).unwrap();
        let line = format!(
            "evaluation person c {person} --role {role} --organisation X --key {person}.pub --as root"
        );
        centre.run(0, &line);
    }
    centre.run(1, "review a.c --sarif a.sarif --quiet");
    centre.run(0, "evaluation new c r1 --vendor V --product P --release 1 --as ann");
    centre.run(0, "evaluation add c r1 a.c --as eve");
    centre.run(0, "evaluation results c r1 a.sarif --of a.c --key eve.key --as eve");
    centre
}

fn first_finding(centre: &Centre) -> String {
    let status = centre.run(1, "evaluation status c r1 --json");
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    status[0]["findings"][0]["name"].as_str().unwrap().to_owned()
}

#[test]
fn an_evaluation_is_decided_signed_exported_and_checked_elsewhere() {
    let centre = centre();
    let finding = first_finding(&centre);
    let decide =
        |by: &str| format!("evaluation decide c r1 {} confirmed --reason overflow --as {by}", &finding[..8]);
    assert!(centre.run(1, &decide("olga")).contains("`olga` may not do `disposition`"));
    centre.run(0, &decide("eve"));
    assert!(centre.run(1, "evaluation status c r1").contains("0 of 2 people have signed"));
    let own = "evaluation sign c r1 --assurance approved --key eve.key --as eve";
    assert!(centre.run(1, own).contains("may not sign it off"));
    centre.run(0, "evaluation sign c r1 --assurance rejected --key ann.key --as ann");
    centre.run(0, "evaluation sign c r1 --assurance rejected --key bob.key --as bob");
    centre.run(0, "evaluation status c r1");

    centre.run(0, "evaluation export c c.tar");
    centre.run(0, "evidence witness c.tar --key olga.key --seen olga.seen");
    let witness = std::fs::read_to_string(centre.path().join("olga.pub")).unwrap();
    let line = format!("evidence verify c.tar --since olga.seen --witness {witness}");
    assert!(centre.run(0, &line).contains("olga saw 12 entries"));
    centre.run(0, "evaluation import c.tar copy");
    centre.run(0, "evidence verify copy");
}

#[test]
fn a_changed_bundle_is_refused_and_the_entry_named() {
    let centre = centre();
    centre.run(0, "evaluation export c c.tar");
    let path = centre.path().join("c.tar");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(12).position(|window| window == b"\"person\":\"bo").unwrap();
    bytes[at + 10] = b'r';
    std::fs::write(&path, bytes).unwrap();
    assert!(centre.run(1, "evidence verify c.tar").contains("First bad entry: 3"));
    centre.run(1, "evaluation import c.tar copy");
    assert!(!centre.path().join("copy").exists());
}

#[test]
fn the_next_release_carries_decisions_over() {
    let centre = centre();
    let finding = first_finding(&centre);
    centre.run(0, &format!("evaluation decide c r1 {finding} false-positive --reason capped --as eve"));
    centre.run(0, "evaluation new c r2 --vendor V --product P --release 2 --after r1 --as ann");
    centre.run(0, "evaluation results c r2 a.sarif --as eve");
    let status = centre.run(1, "evaluation status c r2");
    assert!(status.contains("1 persisting"), "{status}");
    assert!(status.contains("capped, eve, carried from r1"), "{status}");
    let outside = centre.run(1, "evaluation status c r2 --view vendor");
    assert!(!outside.contains("eve"), "{outside}");
}

#[test]
fn what_cannot_be_read_is_said_so() {
    let centre = centre();
    assert!(centre.run(2, "evidence verify a.c").contains("a.c"));
    assert!(centre.run(2, "evaluation status nowhere").contains("holds no centre"));
    assert!(centre.run(2, "evaluation results c r1 a.c --as eve").contains("not a SARIF 2.1.0 log"));
    assert!(centre.run(2, "evaluation found c --name x --admin y").contains("holds a centre already"));
}

const RELEASE_CONTROL: &str = "id = \"REL\"\ntitle = \"Evaluated releases only\"\n[check]\n\
    template = \"release_approval\"\nallow_conditional = true\nneed_equivalence = true\n";
const RELEASE_SITES: &str =
    "site_id,name,region_id,kind,lat,lon,status\nS1,One,,cell,,,active\nS2,Two,,core,,,active\n";

/// The nodes that an inventory's check finds violated, each with the derivation.
fn violated(centre: &Centre, evidence: &str) -> Vec<(String, String)> {
    let line = format!(
        "network check net --controls rules --as-of 2026-11-22 --format json --evaluations {evidence}"
    );
    let output = centre.banbury(&line);
    let result: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let verdicts = result["results"][0]["verdicts"].as_array().unwrap();
    let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
    verdicts.iter().map(|v| (text(&v["subject"]), v["evidence"]["steps"].to_string())).collect()
}

#[test]
fn a_signed_verdict_decides_where_a_release_may_stand() {
    let centre = centre();
    let path = centre.path();
    std::fs::write(path.join("p.bin"), b"the image").unwrap();
    centre.run(0, "evaluation add c r1 p.bin --kind binary --as eve");
    let finding = first_finding(&centre);
    centre.run(0, &format!("evaluation decide c r1 {finding} false-positive --reason reviewed --as eve"));

    let log = centre.run(0, "evidence log c");
    let entry = log.lines().find(|line| line.contains("p.bin")).unwrap();
    let entry: serde_json::Value = serde_json::from_str(entry).unwrap();
    let digest = entry["content"].as_str().unwrap();
    for folder in ["net", "rules/own"] {
        std::fs::create_dir_all(path.join(folder)).unwrap();
    }
    std::fs::write(path.join("rules/own/regime.toml"), "id = \"own\"\ntitle = \"Own\"\n").unwrap();
    std::fs::write(path.join("rules/own/release.toml"), RELEASE_CONTROL).unwrap();
    std::fs::write(path.join("net/sites.csv"), RELEASE_SITES).unwrap();
    let nodes = format!(
        "node_id,site_id,role,vendor_name,status,platform,sw_version,image_digest\n\
         right,S1,gnb,V,active,P,1,sha256:{digest}\nelsewhere,S2,gnb,V,active,P,1,sha256:{digest}\n\
         tampered,S1,gnb,V,active,P,1,sha256:{}\n",
        "0".repeat(64)
    );
    std::fs::write(path.join("net/nodes.csv"), nodes).unwrap();

    // Not signed yet: nothing is approved.
    assert_eq!(violated(&centre, "c").len(), 3);
    let sign = |who: &str, more: &str| {
        let line = format!(
            "evaluation sign c r1 --site-class cell --equivalence shown {more} --key {who}.key --as {who}"
        );
        centre.run(0, &line)
    };
    sign("ann", "--assurance approved");
    sign("bob", "--assurance approved-with-conditions --condition supervised --expires 2027-12-31");
    let table = centre.run(0, "evaluation approvals c");
    let row = format!("r1/p.bin,P,1,sha256:{digest},conditional,cell,supervised,2027-12-31,shown,0");
    assert_eq!(table.lines().nth(1), Some(row.as_str()));

    centre.run(0, "evaluation export c c.tar");
    let found = violated(&centre, "c.tar");
    let names: Vec<&str> = found.iter().map(|f| f.0.as_str()).collect();
    assert_eq!(names, ["elsewhere", "tampered"]);
    assert!(found[0].1.contains("it does not cover sites of this class"), "{}", found[0].1);
    assert!(found[1].1.contains("is not the evaluated one"), "{}", found[1].1);

    let mut bundle = std::fs::read(path.join("c.tar")).unwrap();
    let at = bundle.windows(9).position(|w| w == b"\"signatur").unwrap();
    bundle[at - 20] ^= 1;
    std::fs::write(path.join("bad.tar"), bundle).unwrap();
    let refused = centre.run(2, "network check net --controls rules --evaluations bad.tar");
    assert!(refused.contains("nothing is taken from evidence that does not hold"), "{refused}");
}
