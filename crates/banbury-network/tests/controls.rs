//! Every control of `controls/` is understood, has tests beside it, and passes them.

use std::path::{Path, PathBuf};

use banbury_network::{Control, ControlTests, Mapping, Regime, run_control_test};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../controls")
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_control_passes_its_tests() {
    let mut tests = 0;
    let mut failures = Vec::new();
    for folder in sorted(&root()).into_iter().filter(|p| p.is_dir()) {
        let regime = Regime::parse(&std::fs::read_to_string(folder.join("regime.toml")).unwrap()).unwrap();
        for path in sorted(&folder) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if name == "regime.toml" || name.ends_with(".test.toml") {
                continue;
            }
            let control = Control::parse(&std::fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|e| panic!("{name}: {e}"));
            let beside = std::fs::read_to_string(path.with_extension("test.toml"))
                .unwrap_or_else(|_| panic!("{name} has no tests beside it"));
            assert!(!control.source.document.is_empty(), "{name} names no document");
            if control.check.template() == "sql" {
                // Needs an engine: `banbury network controls test` and the SQL crate run these.
                continue;
            }
            for test in ControlTests::parse(&beside).unwrap_or_else(|e| panic!("{name}: {e}")).test {
                tests += 1;
                for line in run_control_test(&regime, &control, &test, None) {
                    failures.push(format!("{} ({}): {line}", control.id, test.name));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(tests > 40, "only {tests} tests were found");
}

#[test]
fn the_netbox_mapping_is_understood() {
    let text = std::fs::read_to_string(root().join("netbox.toml")).unwrap();
    assert!(Mapping::parse(&text).unwrap().sources.len() > 4);
}

#[test]
fn mistakes_in_a_control_are_named() {
    let control = |check: &str| {
        Control::parse(&format!(
            "id = \"X\"\ntitle = \"t\"\n[source]\ndocument = \"d\"\nverified = true\n[check]\n{check}"
        ))
        .map(|c| c.id)
    };
    assert!(control("template = \"exclude_role\"\nroles = [\"amf\"]").is_ok());
    for (check, word) in [
        ("template = \"exclude_rolle\"", "exclude_rolle"),
        ("template = \"exclude_role\"\nrolls = [\"amf\"]", "rolls"),
        ("template = \"exclude_role\"\nroles = [\"@cores\"]", "cores"),
        ("template = \"cap_share\"\nroles = \"olt\"\nmeasure = \"count\"\nmax_share = 35", "max_share"),
        ("template = \"cap_share\"\nroles = \"olt\"\nmeasure = \"volume\"\nmax_share = 0.3", "volume"),
        ("template = \"install_ban\"\nafter = \"2021-13-01\"", "2021-13-01"),
        ("template = \"recorded\"\ncolumns = [\"colour\"]", "colour"),
        ("template = \"patch_within\"\nseverity = [\"critical\"]\ndays = -1", "-1"),
    ] {
        let error = control(check).expect_err(check);
        assert!(error.contains(word), "{check}: {error}");
    }
}
