//! The command line, as people see it: each `tests/cmd/*.md` is a session.

#[test]
fn sessions() {
    trycmd::TestCases::new().case("tests/cmd/*.md");
}
