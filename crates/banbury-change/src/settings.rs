//! What a change of a build file, a script, a setting or a literal says.

use crate::features::{Features, Reading, number};
use crate::lex::{Statement, Text, Token, TokenKind};
use crate::names;

impl Reading<'_> {
    /// Words of lines that came or went.
    pub(crate) fn setting_words(&self, text: &Text<'_>, tokens: &[Token], added: bool, out: &mut Features) {
        let mut class = 0;
        for token in tokens.iter().filter(|token| !matches!(token.kind, TokenKind::Sign)) {
            class |= self.lexicon.classes(text.word(token));
        }
        let table: [(u32, &'static str, &'static str); 7] = [
            (names::HARDEN, "removed.hardening", "added.hardening"),
            (names::LAX, "removed.lax", "added.lax"),
            (names::EXEC, "removed.exec", "added.exec"),
            (names::SECRET, "removed.secret", "added.secret"),
            (names::NETWORK, "removed.network", "added.network"),
            (names::PERMISSION, "removed.permission", "added.permission"),
            (names::CHECK, "removed.check", "added.check"),
        ];
        for (bit, removed, new) in table {
            if class & bit != 0 {
                out.set(if added { new } else { removed });
            }
        }
    }

    /// A line that changed in a file of settings, or a directive.
    pub(crate) fn setting(&self, a: &Statement, b: &Statement, out: &mut Features) {
        let (old, new) = (self.line(self.old, a), self.line(self.new, b));
        out.set("setting");
        versions(&old, &new, out);
        let classes = |line: &str| {
            let mut all = 0;
            for word in line.split(|c: char| c.is_ascii_whitespace()) {
                all |= self.lexicon.classes(word);
            }
            all
        };
        let (before, after) = (classes(&old), classes(&new));
        if before & !after & names::HARDEN != 0 {
            out.set("setting.hardening-gone");
        }
        if after & !before & names::LAX != 0 {
            out.set("setting.laxer");
        }
        for (bit, name) in [
            (names::SECRET, "setting.secret"),
            (names::NETWORK, "setting.network"),
            (names::HARDEN | names::CRYPTO, "setting.security"),
            (names::PERMISSION, "setting.permission"),
            (names::TIME, "setting.limit"),
        ] {
            if (before & after) & bit != 0 {
                out.set(name);
            }
        }
    }

    fn line(&self, text: &Text<'_>, statement: &Statement) -> String {
        let tokens = text.of(statement);
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return String::new() };
        let bytes = &text.source[first.start as usize..(last.start + last.len) as usize];
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// Addresses, permissions and secrets among the literals that changed.
    pub(crate) fn literals(&self, old: &[Token], new: &[Token], out: &mut Features) {
        let text = |text: &Text<'_>, tokens: &[Token]| -> String {
            tokens.iter().map(|token| text.word(token)).collect::<Vec<_>>().join("")
        };
        let (a, b) = (text(self.old, old), text(self.new, new));
        let gained = |part: &str| b.contains(part) && !a.contains(part);
        let lost = |part: &str| a.contains(part) && !b.contains(part);
        if gained("0.0.0.0")
            || gained("INADDR_ANY")
            || gained("in6addr_any")
            || gained("::0")
            || gained("[::]")
        {
            out.set("literal.any-address");
        }
        if lost("127.0.0.") || lost("localhost") || lost("LOOPBACK") || lost("::1") {
            out.set("literal.loopback-gone");
        }
        if lost("https:") && gained("http:") {
            out.set("literal.plain-http");
        }
        if modes(&b).max() > modes(&a).max() && modes(&a).next().is_some() {
            out.set("literal.wider-mode");
        }
        let long_hex = |s: &str| s.split(|c: char| !c.is_ascii_hexdigit()).any(|part| part.len() >= 32);
        if long_hex(&a) && a != b {
            out.set("literal.pin");
        }
    }
}

/// Octal permission bits for others and the group.
fn modes(text: &str) -> impl Iterator<Item = u32> + '_ {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| matches!(word.len(), 3 | 4) && word.bytes().all(|b| (b'0'..=b'7').contains(&b)))
        .filter(|word| word.len() == 4 && word.starts_with('0') || word.len() == 3)
        .filter_map(|word| u32::from_str_radix(word, 8).ok())
        .map(|mode| mode & 0o077)
}

/// Numbers with dots: which way did a version go?
fn versions(old: &str, new: &str, out: &mut Features) {
    let (a, b) = (dotted(old), dotted(new));
    let mut differing = a.iter().zip(&b).filter(|(x, y)| x != y);
    if a.len() == b.len() {
        if let (Some((x, y)), None) = (differing.next(), differing.next()) {
            let is_version = x.len() > 1 || y.len() > 1;
            out.set(match (is_version, x > y) {
                (true, true) => "setting.version-lower",
                (true, false) => "setting.version-higher",
                (false, true) => "setting.number-smaller",
                (false, false) => "setting.number-larger",
            });
        }
    } else if a.len() > b.len() && a.iter().any(|version| version.len() > 1) {
        out.set("setting.version-gone");
    }
}

fn dotted(line: &str) -> Vec<Vec<u64>> {
    let mut out = Vec::new();
    for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.')) {
        let word = word.trim_start_matches(['v', 'V']).trim_matches('.');
        if !word.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let parts: Vec<u64> = word.split('.').filter_map(number_of).collect();
        if !parts.is_empty() {
            out.push(parts);
        }
    }
    out
}

fn number_of(part: &str) -> Option<u64> {
    let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
    match part.starts_with("0x") {
        true => number(part).map(|value| value as u64),
        false => digits.parse().ok(),
    }
}
