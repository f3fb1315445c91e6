use anyhow::bail;

use crate::{metadata, packages, text};

/// Licences that can be distributed under Apache-2.0, with notice.
const ALLOWED: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "0BSD",
    "CC0-1.0",
    "BSL-1.0",
    "MIT-0",
    "bzip2-1.0.6",
];

pub fn check() -> anyhow::Result<()> {
    let metadata = metadata(true)?;
    let refused: Vec<String> = packages(&metadata)
        .filter(|package| !package["source"].is_null())
        .filter(|package| !is_allowed(text(package, "license")))
        .map(|package| {
            format!(
                "{} {}: licence {:?}",
                text(package, "name"),
                text(package, "version"),
                text(package, "license")
            )
        })
        .collect();
    if !refused.is_empty() {
        bail!("{}", refused.join("\n"));
    }
    Ok(())
}

/// Whether one alternative of an SPDX expression is on the list.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let tokens: Vec<&str> = expression.split_inclusive(['(', ')']).flat_map(split_brackets).collect();
    let mut parser = Parser { tokens: &tokens, at: 0 };
    let allowed = parser.any();
    allowed && parser.at == tokens.len()
}

fn split_brackets(part: &str) -> Vec<&str> {
    let (text, bracket) = match part.char_indices().next_back() {
        Some((at, '(' | ')')) => part.split_at(at),
        _ => (part, ""),
    };
    text.split_whitespace().chain(Some(bracket).filter(|bracket| !bracket.is_empty())).collect()
}

struct Parser<'t> {
    tokens: &'t [&'t str],
    at: usize,
}

impl<'t> Parser<'t> {
    fn eat(&mut self, word: &str) -> bool {
        let found = self.tokens.get(self.at) == Some(&word);
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> &'t str {
        let token = self.tokens.get(self.at).copied().unwrap_or("");
        self.at += 1;
        token
    }

    fn any(&mut self) -> bool {
        let mut allowed = self.all();
        while self.eat("OR") {
            allowed |= self.all();
        }
        allowed
    }

    fn all(&mut self) -> bool {
        let mut allowed = self.one();
        while self.eat("AND") {
            allowed &= self.one();
        }
        allowed
    }

    fn one(&mut self) -> bool {
        if self.eat("(") {
            let allowed = self.any();
            return self.eat(")") && allowed;
        }
        let mut name = self.next().to_owned();
        if self.eat("WITH") {
            name = format!("{name} WITH {}", self.next());
        }
        ALLOWED.contains(&name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn expressions() {
        for allowed in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        ] {
            assert!(is_allowed(allowed), "{allowed}");
        }
        for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT) OR GPL-2.0", "SSPL-1.0"] {
            assert!(!is_allowed(refused), "{refused}");
        }
    }
}
