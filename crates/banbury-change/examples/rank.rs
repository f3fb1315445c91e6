//! Compares two folders and prints the entries as JSON, for measuring.

use std::path::Path;

use banbury_change::{File, Release, compare};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (old, new) = (read(&args[1]), read(&args[2]));
    let comparison = compare(&old, &new);
    let text = serde_json::to_string(&comparison.entries).expect("entries are JSON");
    std::fs::write(&args[3], text).expect("the output can be written");
}

fn read(root: &str) -> Release {
    let mut files = Vec::new();
    walk(Path::new(root), "", &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Release { files }
}

fn walk(folder: &Path, prefix: &str, out: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && name != ".git" => walk(&entry.path(), &path, out),
            Ok(kind) if kind.is_file() => {
                if let Ok(bytes) = std::fs::read(entry.path()) {
                    out.push(File { path, bytes: bytes.into() });
                }
            }
            _ => {}
        }
    }
}
