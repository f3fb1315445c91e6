use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::{metadata, packages, root, text};

/// Layer of each crate. Crates on one layer do not know each other.
const LAYERS: &[(u8, &[&str])] = &[
    (0, &["banbury-base", "banbury-ir"]),
    (1, &["banbury-frontend", "banbury-dataflow"]),
    (2, &["banbury-checkers", "banbury-change", "banbury-binary", "banbury-components", "banbury-network"]),
    (3, &["banbury-evidence", "banbury-network-sql"]),
    (4, &["banbury-engine", "banbury-report", "banbury-network-report", "banbury-store"]),
    (5, &["banbury-server", "banbury-cluster"]),
    (6, &["banbury"]),
];

/// The one arrow inside a layer: the IR holds spans and symbols.
const EXCEPTION: (&str, &str) = ("banbury-ir", "banbury-base");

/// Crates up to this layer take values and give values.
const PURE: u8 = 2;

/// What a pure crate does not name outside of its tests.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::io::std",
    "SystemTime",
    "Instant::now",
    "println!",
    "eprintln!",
    "print!(",
    "dbg!",
    "std::thread::sleep",
];

fn layer(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(_, names)| names.contains(&name)).map(|(layer, _)| *layer)
}

pub fn check() -> anyhow::Result<()> {
    let metadata = metadata(false)?;
    let mut faults = Vec::new();
    for package in packages(&metadata) {
        let name = text(package, "name");
        if name == "xtask" {
            continue;
        }
        let Some(own) = layer(name) else {
            faults
                .push(format!("{name} has no layer: add it to xtask/src/layers.rs and docs/architecture.md"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // Tests may look anywhere.
            let to = text(dependency, "name");
            let is_upward = layer(to).is_some_and(|below| below >= own) && (name, to) != EXCEPTION;
            if dependency["kind"].is_null() && is_upward {
                faults.push(format!("{name} must not depend on {to}"));
            }
        }
        if own <= PURE {
            impure(&root().join("crates").join(name).join("src"), &mut faults)?;
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(())
}

fn impure(folder: &Path, faults: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            impure(&path, faults)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path)?;
            let product = source.split("#[cfg(test)]").next().unwrap_or(&source);
            for (index, line) in product.lines().enumerate() {
                let code = line.split("//").next().unwrap_or(line);
                if let Some(word) = IMPURE.iter().find(|word| code.contains(**word)) {
                    let place = path.strip_prefix(root()).unwrap_or(&path).display();
                    faults.push(format!(
                        "{place}:{}: {word} in a layer that does no input or output",
                        index + 1
                    ));
                }
            }
        }
    }
    Ok(())
}
