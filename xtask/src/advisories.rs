use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use semver::{Version, VersionReq};

use crate::{metadata, packages, text};

/// Looks every dependency up in a local clone of the RustSec advisory database.
pub fn check(database: &str) -> anyhow::Result<()> {
    let crates = Path::new(database).join("crates");
    if !crates.is_dir() {
        bail!("{database}: no folder `crates`");
    }
    let metadata = metadata(true)?;
    let mut found = Vec::new();
    for package in packages(&metadata).filter(|package| !package["source"].is_null()) {
        let (name, version) = (text(package, "name"), text(package, "version"));
        let version = Version::parse(version).with_context(|| format!("{name} {version}"))?;
        let Ok(entries) = fs::read_dir(crates.join(name)) else { continue };
        for entry in entries {
            let path = entry?.path();
            let advisory = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            if let Some(title) = affecting(&advisory, &version).with_context(|| path.display().to_string())? {
                found.push(format!("{name} {version}: {title}"));
            }
        }
    }
    if !found.is_empty() {
        bail!("{}", found.join("\n"));
    }
    Ok(())
}

/// Id and title of the advisory, if it speaks of this version and was not withdrawn.
fn affecting(advisory: &str, version: &Version) -> anyhow::Result<Option<String>> {
    let header = advisory.strip_prefix("```toml").and_then(|rest| rest.split("```").next());
    let header: toml::Table = toml::from_str(header.unwrap_or(advisory))?;
    let about = &header["advisory"];
    // `informational` marks notices such as an unmaintained crate.
    if about.get("withdrawn").is_some() || about.get("informational").is_some() {
        return Ok(None);
    }
    for key in ["patched", "unaffected"] {
        let ranges = header.get("versions").and_then(|versions| versions.get(key)?.as_array());
        for range in ranges.into_iter().flatten().filter_map(|range| range.as_str()) {
            if VersionReq::parse(range)?.matches(version) {
                return Ok(None);
            }
        }
    }
    let title = advisory.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("");
    let id = about.get("id").and_then(|id| id.as_str()).unwrap_or("");
    Ok(Some(format!("{id} {title}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let advisory = "```toml\n[advisory]\nid = \"RUSTSEC-1\"\n[versions]\npatched = [\">= 1.2.3\"]\n\
            unaffected = [\"< 1.0.0\"]\n```\n# Overflow\n";
        let affects = |version: &str| affecting(advisory, &Version::parse(version).unwrap()).unwrap();
        assert_eq!(affects("1.2.0").as_deref(), Some("RUSTSEC-1 Overflow"));
        assert_eq!(affects("1.2.3"), None);
        assert_eq!(affects("0.9.0"), None);
    }
}
