//! Files and names that come from outside.

use crate::common::{Site, sarif};

#[test]
fn an_upload_has_its_limit_and_leaves_nothing() {
    let site = Site::new();
    let eve = site.person("eve");
    let answer = eve.upload("/evaluations/core-2/results", "big.sarif", &vec![b' '; 200 << 10]);
    assert_eq!(answer.status, 413);
    let left = std::fs::read_dir(site.centre().join("server/jobs")).unwrap().count();
    assert_eq!(left, 0);
    assert_eq!(eve.upload("/evaluations/core-2/results", "no.sarif", b"{}").status, 400);
    let form = format!("note={}", "x".repeat(300 << 10));
    assert_eq!(eve.post("/evaluations/core-2/read", &form).status, 413);
}

#[test]
fn a_file_that_comes_before_the_sessions_secret_is_not_written() {
    let site = Site::new();
    let eve = site.person("eve");
    let body = format!(
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\ncontent\r\n--x\r\n\
         Content-Disposition: form-data; name=\"csrf\"\r\n\r\n{}\r\n--x--\r\n",
        eve.csrf
    );
    let kind = Some("multipart/form-data; boundary=x");
    assert_eq!(eve.send("POST", "/evaluations/core-2/results", kind, body.as_bytes()).status, 403);
    assert_eq!(std::fs::read_dir(site.centre().join("server/jobs")).unwrap().count(), 0);
}

#[test]
fn another_tools_results_are_taken_in() {
    let site = Site::new();
    let eve = site.person("eve");
    let answer = eve.upload("/evaluations/core-2/results", "../../x.sarif", &sarif("other", 20, 23));
    assert_eq!(answer.status, 303, "{}", answer.body);
    let list = eve.get("/api/v1/evaluations/core-2/findings").body;
    assert!(list.contains("f22") && list.contains("f4"), "{list}");
}

#[cfg(unix)]
#[test]
fn only_what_lies_in_the_folder_of_releases_is_reviewed() {
    let site = Site::new();
    let eve = site.person("eve");
    let releases = site.folder.path().join("releases");
    std::fs::write(site.folder.path().join("secret.tar"), "secret").unwrap();
    std::os::unix::fs::symlink("/etc", releases.join("link")).unwrap();
    for name in ["../secret.tar", "/etc/passwd", "..", ".", "link", "a\\..\\b", "missing", "x%00y"] {
        let answer = eve.post("/evaluations/core-2/review", &format!("folder={name}"));
        assert_eq!(answer.status, 400, "{name}");
    }
    // Paths of pages are names, not places.
    for path in ["/evaluations/..%2f..%2fetc", "/style.css/../../etc/passwd", "/rules/..%2f", "/log/-1"] {
        assert_eq!(eve.get(path).status, 404, "{path}");
    }
}
