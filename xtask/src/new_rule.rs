use std::fs;

use anyhow::{Context, bail};

use crate::root;

const README: &str = "\
# TITLE

## What it checks

## Why it matters in a network element

## Example

```c
```

## Fixed

```c
```

## False positives

## False negatives

## References
";

const DECLARATION: &str = "\
use crate::Rule;

pub const RULE: Rule = Rule {
    id: \"ID\",
    version: 1,
    title: \"TITLE\",
    cwe: &[],
    readme: include_str!(\"README.md\"),
    default_visible: false,
    base_weight: 0.0,
};
";

/// Makes the folder of a rule and registers it.
pub fn create(name: &str) -> anyhow::Result<()> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(is_name) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        bail!("a rule is named with small letters, digits and dashes");
    }
    let module = name.replace('-', "_");
    let title = {
        let words = name.replace('-', " ");
        words[..1].to_ascii_uppercase() + &words[1..]
    };
    let rules = root().join("crates/banbury-checkers/src/rules");
    let folder = rules.join(&module);
    if folder.exists() {
        bail!("{} is there already", folder.display());
    }

    let registry = rules.join("mod.rs");
    let source = fs::read_to_string(&registry).with_context(|| registry.display().to_string())?;
    let registered = register(&source, &module).context("no list `registry! { ... }` in rules/mod.rs")?;

    fs::create_dir_all(&folder)?;
    fs::write(folder.join("README.md"), README.replace("TITLE", &title))?;
    fs::write(folder.join("mod.rs"), DECLARATION.replace("TITLE", &title).replace("ID", name))?;
    fs::write(&registry, registered)?;
    Ok(())
}

/// The source with the module in its place of the sorted list.
fn register(source: &str, module: &str) -> Option<String> {
    let open = "\nregistry! {\n";
    let start = source.find(open)? + open.len();
    let end = start + source[start..].find('}')?;
    let mut names: Vec<&str> =
        source[start..end].lines().map(|line| line.trim().trim_end_matches(',')).collect();
    names.push(module);
    names.sort_unstable();
    let list: String =
        names.iter().filter(|name| !name.is_empty()).map(|name| format!("    {name},\n")).collect();
    Some(format!("{}{list}{}", &source[..start], &source[end..]))
}

#[cfg(test)]
mod tests {
    #[test]
    fn registered_in_order() {
        let source = "x\nregistry! {\n    a,\n    c,\n}\n";
        assert_eq!(super::register(source, "b").unwrap(), "x\nregistry! {\n    a,\n    b,\n    c,\n}\n");
    }
}
