/// What a rule says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Name in findings, configuration and on the web pages; the folder's name with dashes.
    pub id: &'static str,
    /// Grows whenever the rule's findings change in meaning or wording.
    pub version: u16,
    /// One line.
    pub title: &'static str,
    /// CWE numbers its findings may carry, most typical first.
    pub cwe: &'static [u32],
    /// The README beside the rule, in Markdown.
    pub readme: &'static str,
    /// Findings may appear in the default output (if they also weigh enough).
    pub default_visible: bool,
    /// Decibans of a finding without any feature.
    pub base_weight: f32,
}

/// Every rule, sorted by id.
pub fn rules() -> &'static [&'static Rule] {
    crate::rules::ALL
}

/// The rule of that id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    let all = rules();
    all.binary_search_by(|r| r.id.cmp(id)).ok().map(|i| all[i])
}

#[cfg(test)]
mod tests {
    use super::{rule, rules};

    #[test]
    fn sorted_and_unique() {
        assert!(rules().windows(2).all(|pair| pair[0].id < pair[1].id));
    }

    #[test]
    fn found_by_id() {
        assert_eq!(rule("tainted-index").map(|r| r.cwe[0]), Some(129));
        assert!(rule("no-such-rule").is_none());
    }

    #[test]
    fn folder_is_id() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
        for rule in rules() {
            let path = format!("{folder}/{}/README.md", rule.id.replace('-', "_"));
            assert!(std::path::Path::new(&path).is_file(), "{path}");
        }
    }
}
