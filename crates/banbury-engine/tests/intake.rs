//! Intake of folders, archives and git revisions, friendly and hostile.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use banbury_engine::Silent;
use banbury_engine::intake::{self, IntakeError, IntakeOptions, Manifest, SkipReason, Source};
use banbury_frontend::Language;
use tempfile::TempDir;

fn read(path: &Path) -> Manifest {
    read_with(path, &IntakeOptions::default()).expect("readable")
}

fn read_with(path: &Path, options: &IntakeOptions) -> Result<Manifest, IntakeError> {
    intake::read(&Source::parse(path.to_str().expect("UTF-8"))?, options, &Silent)
}

fn paths(manifest: &Manifest) -> Vec<&str> {
    manifest.files.iter().map(|file| file.path.as_str()).collect()
}

fn skipped(manifest: &Manifest, reason: SkipReason) -> u64 {
    manifest.skipped.get(&reason).map_or(0, |count| count.count)
}

fn tree(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        fs::write(path, text).expect("file");
    }
    folder
}

/// A tar header with its content, padded.
fn tar_entry(name: &str, flag: u8, link: &str, content: &[u8]) -> Vec<u8> {
    tar_entry_sized(name, flag, link, content, content.len() as u64)
}

fn tar_entry_sized(name: &str, flag: u8, link: &str, content: &[u8], size: u64) -> Vec<u8> {
    let mut block = [0u8; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    block[156] = flag;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..263].copy_from_slice(b"ustar\0");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut out = block.to_vec();
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn archive(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tree(&[(name, bytes)]);
    let path = folder.path().join(name);
    (folder, path)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn folders_are_read_in_order_of_their_names() {
    let folder = tree(&[
        ("b/x.cpp", b"int x;"),
        ("a.c", b"int a;"),
        ("b/y.h", b"class Y {\n};\n"),
        (".git/config.c", b""),
        ("README.md", b""),
        ("main.go", b"package main"),
        ("used.def", b"X(1)"),
        ("unused.def", b"EXPORTS"),
        ("d.c", b"#include \"used.def\"\n"),
    ]);
    let manifest = read(folder.path());
    assert_eq!(paths(&manifest), ["a.c", "b/x.cpp", "b/y.h", "d.c", "used.def"]);
    assert_eq!(manifest.files[2].language, Language::Cpp);
    assert_eq!(skipped(&manifest, SkipReason::OtherLanguage), 1);
    assert_eq!(manifest.other_files, 2);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let outside = tree(&[("secret.c", b"int secret;")]);
    let folder = tree(&[("src/a.c", b"int a;")]);
    let link = |target: &Path, name: &str| {
        std::os::unix::fs::symlink(target, folder.path().join(name)).expect("link");
    };
    link(Path::new(".."), "src/loop");
    link(Path::new("a.c"), "src/same.c");
    link(outside.path(), "out");
    link(Path::new("nowhere"), "dangling.c");
    link(Path::new("self"), "self");
    let manifest = read(folder.path());
    assert_eq!(paths(&manifest), ["src/a.c"]);
    assert_eq!(skipped(&manifest, SkipReason::LinkOutside), 3);
    assert_eq!(skipped(&manifest, SkipReason::Link), 2);
}

#[test]
fn huge_binary_and_excluded_files_are_counted() {
    let folder = tree(&[
        ("big.c", &[b'x'; 5000]),
        ("firmware.c", &[0; 100]),
        ("utf16.c", b"\xff\xfei\0n\0t\0"),
        ("old/x.c", b""),
        ("ok.c", b"int ok;"),
    ]);
    let mut options = IntakeOptions { exclude: vec!["old".into()], ..IntakeOptions::default() };
    options.limits.max_file_bytes = 4000;
    let manifest = read_with(folder.path(), &options).expect("readable");
    assert_eq!(paths(&manifest), ["ok.c", "utf16.c"]);
    assert_eq!(&*manifest.files[1].text, b"int");
    for reason in [SkipReason::TooLarge, SkipReason::Binary, SkipReason::Excluded] {
        assert_eq!(skipped(&manifest, reason), 1, "{reason:?}");
    }
}

#[test]
fn every_compression_gives_the_same_release() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let plain = [
        tar_entry("tinyrel-1.0/", b'5', "", b""),
        tar_entry("tinyrel-1.0/src/f.h", b'0', "", b"int f(void);\n"),
        tar_entry("tinyrel-1.0/src/main.c", b'0', "", b"int main(void) { return 0; }\n"),
        vec![0; 1024],
    ]
    .concat();
    let (_a, tar) = archive("tiny.tar", &plain);
    let (_b, gz) = archive("tiny.tar.gz", &gzip(&plain));
    let (_c, misnamed) = archive("tiny.bin", &gzip(&plain));
    let named = ["tiny.tar.xz", "tiny.tar.bz2", "tiny.tar.zst"].map(|name| fixtures.join(name));
    let expected = read(&tar);
    assert_eq!(paths(&expected), ["src/f.h", "src/main.c"]);
    for path in named.iter().chain([&gz, &misnamed]) {
        assert_eq!(read(path).digest, expected.digest, "{}", path.display());
    }
}

#[test]
fn hostile_tar_entries_do_no_harm() {
    let long = "d/".repeat(200) + "long.c";
    let tar = [
        tar_entry("/etc/abs.c", b'0', "", b"int x;"),
        tar_entry("../../climb.c", b'0', "", b"int x;"),
        tar_entry("a/../../climb.c", b'0', "", b"int x;"),
        tar_entry("link.c", b'2', "/etc/passwd", b""),
        tar_entry("inside.c", b'2', "ok.c", b""),
        tar_entry("dev.c", b'3', "", b""),
        tar_entry("stray.c", b'1', "nothing.c", b""),
        tar_entry("hard.c", b'1', "ok.c", b""),
        tar_entry("ok.c", b'0', "", b"int first;"),
        tar_entry("././@LongLink", b'L', "", long.as_bytes()),
        tar_entry("cut", b'0', "", b"int long_name;"),
        tar_entry("PaxHeader", b'x', "", b"14 path=pax.c\n"),
        tar_entry("cut", b'0', "", b"int pax;"),
        tar_entry("ok.c", b'0', "", b"int second;"),
        tar_entry("inner.tar.gz", b'0', "", b"..."),
        vec![0; 1024],
    ]
    .concat();
    let (_folder, path) = archive("x.tar", &tar);
    let manifest = read(&path);
    assert_eq!(paths(&manifest), [long.as_str(), "hard.c", "ok.c", "pax.c"]);
    assert_eq!(&*manifest.files[2].text, b"int second;");
    let counts = [
        (SkipReason::UnsafeName, 3),
        (SkipReason::LinkOutside, 1),
        (SkipReason::Link, 1),
        (SkipReason::Special, 2),
        (SkipReason::Repeated, 1),
        (SkipReason::NestedArchive, 1),
    ];
    for (reason, count) in counts {
        assert_eq!(skipped(&manifest, reason), count, "{reason:?}");
    }
    assert!(!manifest.incomplete);
}

#[test]
fn bombs_are_stopped_and_said() {
    let mut tar = tar_entry("ok.c", b'0', "", b"int ok;");
    tar.extend(tar_entry("zeros.bin", b'0', "", &vec![0; 8 << 20]));
    tar.extend(tar_entry("after.c", b'0', "", b"int after;"));
    let (_folder, path) = archive("bomb.tar.gz", &gzip(&tar));
    let mut options = IntakeOptions::default();
    options.limits.ratio_from = 1 << 20;
    let manifest = read_with(&path, &options).expect("readable");
    assert_eq!(paths(&manifest), ["ok.c"]);
    assert!(manifest.incomplete);
    assert!(manifest.notes[0].contains("300 times its size"), "{:?}", manifest.notes);

    let mut options = IntakeOptions::default();
    options.limits.max_entries = 2;
    assert!(read_with(&path, &options).expect("readable").incomplete);
    let mut options = IntakeOptions::default();
    options.limits.max_unpacked_bytes = 1 << 20;
    assert!(read_with(&path, &options).expect("readable").incomplete);
}

#[test]
fn damaged_archives_say_so() {
    let whole = [tar_entry("a.c", b'0', "", b"int a;"), tar_entry("b.c", b'0', "", &[b'x'; 5000])].concat();
    let (_a, cut) = archive("cut.tar", &whole[..2000]);
    let manifest = read(&cut);
    assert_eq!(paths(&manifest), ["a.c"]);
    assert!(manifest.incomplete);

    let claims = tar_entry_sized("huge.c", b'0', "", b"", 40 << 20);
    let (_b, claims) = archive("claims.tar", &claims);
    assert!(matches!(read_with(&claims, &IntakeOptions::default()), Err(IntakeError::Archive { .. })));

    for (name, bytes) in [
        ("junk.tar", &b"this is no archive"[..]),
        ("junk.tar.gz", b"\x1f\x8b\x08junk"),
        ("junk.zip", b"PK\x03\x04junk"),
        ("junk.tar.xz", b"\xfd7zXZ\0junk"),
        ("junk.tar.bz2", b"BZh9junk"),
        ("junk.tar.zst", b"\x28\xb5\x2f\xfdjunk"),
    ] {
        let (_folder, path) = archive(name, bytes);
        let result = read_with(&path, &IntakeOptions::default());
        assert!(matches!(result, Err(IntakeError::Archive { .. })), "{name}");
    }
}

#[test]
fn zip_entries_are_checked_like_tar_entries() {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    let stored = zip::write::SimpleFileOptions::default();
    for (name, text) in [("rel/a.c", "int a;"), ("../x.c", "int x;"), ("rel/README", "")] {
        zip.start_file(name, stored).expect("memory");
        zip.write_all(text.as_bytes()).expect("memory");
    }
    zip.add_symlink("rel/l.c", "/etc/passwd", stored).expect("memory");
    zip.finish().expect("memory");
    let (_folder, path) = archive("x.zip", bytes.get_ref());
    let manifest = read(&path);
    assert_eq!(paths(&manifest), ["a.c"]);
    assert_eq!(skipped(&manifest, SkipReason::UnsafeName), 1);
    assert_eq!(skipped(&manifest, SkipReason::LinkOutside), 1);
}

#[test]
fn a_tree_that_is_mostly_tests_is_reviewed() {
    let folder = tree(&[("testcases/a.c", b""), ("testcases/b.c", b""), ("io.c", b"")]);
    let manifest = read(folder.path());
    assert!(manifest.files.iter().all(|file| !file.class.test));
    assert!(manifest.notes[0].starts_with("2 of 3 files look like tests"));

    let folder = tree(&[("tests/a.c", b""), ("b.c", b""), ("c.c", b"")]);
    let classes: Vec<bool> = read(folder.path()).files.iter().map(|file| file.class.test).collect();
    assert_eq!(classes, [false, false, true]);
}

#[test]
fn git_revisions_are_read_without_a_checkout() {
    let folder = tree(&[("src/a.c", b"int old;\n"), ("gone.c", b"int gone;\n")]);
    let git = |args: &[&str]| {
        let status = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-C"])
            .arg(folder.path())
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git runs");
        assert!(status.status.success(), "{args:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "one"]);
    git(&["tag", "v1"]);
    git(&["remote", "add", "origin", "https://user:secret@host.example/a.git"]);
    fs::write(folder.path().join("src/a.c"), "int new;\n").expect("file");
    git(&["rm", "-q", "--cached", "gone.c"]);
    git(&["commit", "-qam", "two"]);

    let at = |revision: &str| {
        let source = Source::parse(&format!("{}@{revision}", folder.path().display()))?;
        intake::read(&source, &IntakeOptions::default(), &Silent)
    };
    let old = at("v1").expect("readable");
    assert_eq!(paths(&old), ["gone.c", "src/a.c"]);
    assert_eq!(&*old.files[1].text, b"int old;\n");
    let revision = old.revision.expect("a revision");
    assert_eq!(revision.repository.as_deref(), Some("https://host.example/a.git"));
    assert_eq!(revision.commit.len(), 40);
    assert_eq!(paths(&at("HEAD").expect("readable")), ["src/a.c"]);
    assert!(matches!(at("no-such"), Err(IntakeError::Git(_))));
    assert!(matches!(at("--help"), Err(IntakeError::Git(_))));
}

#[test]
fn a_compilation_database_is_used_when_it_is_there() {
    let database =
        br#"[{"directory": "/b/out", "file": "../src/a.c", "command": "cc -DX=2 -I../inc -c ../src/a.c"}]"#;
    let folder = tree(&[("src/a.c", b""), ("build/compile_commands.json", database)]);
    let manifest = read(folder.path());
    assert_eq!(manifest.file_options[&0].defines, [("X".to_owned(), "2".to_owned())]);
    assert_eq!(manifest.file_options[&0].include_dirs, ["inc"]);

    let folder = tree(&[("src/a.c", b""), ("compile_commands.json", b"nonsense")]);
    let manifest = read(folder.path());
    assert!(manifest.notes[0].starts_with("compile_commands.json is not used"));
}
