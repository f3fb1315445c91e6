//! What became of a statement that changed.

use crate::features::{Features, Reading, Role, is_unbounded, role};
use crate::lex::{Statement, Text, Token, TokenKind};
use crate::names;
use crate::tokens::Tokens;

impl Reading<'_> {
    pub(crate) fn changed(&self, a: &Statement, b: &Statement, out: &mut Features) {
        out.set("changed");
        let (x, y) = (self.old.of(a), self.new.of(b));
        let hashes = |tokens: &[Token]| tokens.iter().map(|token| token.hash).collect::<Vec<_>>();
        let hunks = crate::diff::diff(&hashes(x), &hashes(y));
        let role = role(self.new, b);
        let is_code = self.new.kind.is_code();
        let (removed, added) = hunks.iter().fold((0, 0), |(removed, added), hunk| {
            (removed + hunk.old.1 - hunk.old.0, added + hunk.new.1 - hunk.new.0)
        });
        if role == Role::Condition || role == Role::Loop {
            out.set("changed.condition");
        }
        if hunks.len() > 3 || removed + added > 14 {
            out.set("changed.much");
        } else {
            for hunk in &hunks {
                let (old, new) = (&x[hunk.old.0..hunk.old.1], &y[hunk.new.0..hunk.new.1]);
                let cx = Tokens { removed: old, added: new, new: y, at: (hunk.old.0, hunk.new.0) };
                self.tokens(&cx, role, out);
            }
        }
        if is_code {
            self.whole(a, b, out);
        }
        if removed == 0 {
            out.set("changed.only-added");
        }
        if added == 0 {
            out.set("changed.only-removed");
        }
        if !is_code || role == Role::Directive {
            self.setting(a, b, out);
        }
        self.literals(x, y, out);
    }

    /// What shows in a statement as a whole.
    fn whole(&self, a: &Statement, b: &Statement, out: &mut Features) {
        let (x, y) = (self.old.of(a), self.new.of(b));
        let (before, after) = (role(self.old, a), role(self.new, b));
        let calls = |text: &Text<'_>, tokens: &[Token]| -> Vec<u64> {
            tokens
                .windows(2)
                .filter(|pair| pair[0].kind == TokenKind::Word && text.word(&pair[1]) == "(")
                .map(|pair| pair[0].hash)
                .collect()
        };
        let kept_call = || {
            let old = calls(self.old, &x[1.min(x.len())..]);
            calls(self.new, y).iter().any(|call| old.contains(call))
        };
        let casts_away = y.len() > 3 && self.new.word(&y[0]) == "(" && self.new.word(&y[1]) == "void";
        let used = matches!(before, Role::Condition | Role::Assignment | Role::Return | Role::Declaration);
        if used && (after == Role::Call || casts_away) && kept_call() {
            out.set("changed.result-ignored");
        }
        let has = |text: &Text<'_>, tokens: &[Token], what: &str| {
            tokens.iter().any(|token| text.word(token) == what)
        };
        let formats = |text: &Text<'_>, tokens: &[Token]| {
            tokens.iter().any(|token| token.kind == TokenKind::Text && text.word(token).contains('%'))
        };
        if formats(self.old, x) && !formats(self.new, y) && after == before && !calls(self.new, y).is_empty()
        {
            out.set("changed.format-gone");
        }
        if after == Role::Declaration
            && has(self.old, x, "=")
            && !has(self.new, y, "=")
            && has(self.new, y, ";")
        {
            out.set("changed.initialiser-gone");
        }
        for token in y.iter().filter(|token| token.kind == TokenKind::Word) {
            if is_unbounded(self.new.word(token)) && !x.iter().any(|old| old.hash == token.hash) {
                out.set("changed.unbounded-copy");
            }
        }
        self.secrets(x, y, out);
        self.types(x, y, out);
        if before == Role::Return && after == Role::Return {
            self.returns(x, y, out);
        }
        if after == Role::Directive {
            self.directive(x, y, out);
        }
    }

    fn secrets(&self, x: &[Token], y: &[Token], out: &mut Features) {
        let gained = |token: &&Token| !x.iter().any(|old| old.hash == token.hash);
        let secret_there = y.iter().any(|t| t.kind == TokenKind::Word && self.is_secret(self.new.word(t)));
        let fixed = y.iter().filter(gained).any(|t| t.kind == TokenKind::Text && t.len > 3);
        if secret_there && fixed {
            out.set("changed.secret-fixed");
        }
        let callee = y.first().map_or(0, |token| self.lexicon.classes(self.new.word(token)));
        let new_secret =
            y.iter().filter(gained).any(|t| t.kind == TokenKind::Word && self.is_secret(self.new.word(t)));
        if callee & names::LOG != 0 && new_secret {
            out.set("changed.secret-logged");
        }
    }

    /// Widths and signs of the types named.
    fn types(&self, x: &[Token], y: &[Token], out: &mut Features) {
        let of = |text: &Text<'_>, tokens: &[Token]| -> Vec<(u32, bool)> {
            let mut all = Vec::new();
            let mut unsigned = None;
            for token in tokens {
                match text.word(token) {
                    "unsigned" => unsigned = Some(false),
                    "signed" => unsigned = Some(true),
                    word => match integer(word) {
                        Some((bits, signed)) => all.push((bits, unsigned.take().unwrap_or(signed))),
                        None => {
                            if let Some(signed) = unsigned.take() {
                                all.push((32, signed));
                            }
                        }
                    },
                }
            }
            all
        };
        let (a, b) = (of(self.old, x), of(self.new, y));
        if a.len() == b.len() {
            for (before, after) in a.iter().zip(&b).filter(|(before, after)| before != after) {
                if after.0 < before.0 {
                    out.set("changed.type-narrower");
                } else if after.0 > before.0 {
                    out.set("changed.type-wider");
                } else {
                    out.set("changed.type-sign");
                }
            }
        } else if b.len() > a.len() {
            out.set("changed.type-added");
        } else {
            out.set("changed.type-gone");
        }
    }

    fn returns(&self, x: &[Token], y: &[Token], out: &mut Features) {
        let verdict = |text: &Text<'_>, tokens: &[Token]| -> Option<bool> {
            let words: Vec<&str> =
                tokens[1..].iter().map(|t| text.word(t)).filter(|w| !matches!(*w, ";" | "(" | ")")).collect();
            match words.as_slice() {
                ["-", ..] => Some(false),
                ["0" | "NULL" | "nil" | "nullptr"] => Some(true),
                ["true" | "TRUE"] => Some(true),
                ["false" | "FALSE"] => Some(false),
                [word] => {
                    let class = self.lexicon.classes(word);
                    let good = word.contains("OK")
                        || word.contains("ok")
                        || word.contains("SUCCESS")
                        || word.contains("DONE");
                    match (class & names::ERROR != 0, good) {
                        (true, _) => Some(false),
                        (false, true) => Some(true),
                        _ => None,
                    }
                }
                _ => None,
            }
        };
        match (verdict(self.old, x), verdict(self.new, y)) {
            (Some(false), Some(true)) => out.set("changed.error-to-success"),
            (Some(true), Some(false)) => out.set("changed.success-to-error"),
            _ => {}
        }
    }

    fn directive(&self, x: &[Token], y: &[Token], out: &mut Features) {
        let word = |text: &Text<'_>, tokens: &[Token], at: usize| {
            tokens.get(at).map_or(String::new(), |t| text.word(t).to_owned())
        };
        let (a, b) = (word(self.old, x, 1), word(self.new, y, 1));
        if (a.as_str(), b.as_str()) == ("ifdef", "ifndef") || (a.as_str(), b.as_str()) == ("ifndef", "ifdef")
        {
            out.set("changed.directive-inverted");
        }
        if a == "define" && b == "define" {
            let words = |tokens: &[Token]| {
                tokens
                    .iter()
                    .skip(3)
                    .filter(|t| t.kind == TokenKind::Word)
                    .map(|t| t.hash)
                    .collect::<Vec<_>>()
            };
            let (before, after) = (words(x), words(y));
            let is_macro = word(self.new, y, 3) == "(";
            out.set(if is_macro { "changed.macro-body" } else { "changed.macro-value" });
            if is_macro && after.len() * 2 < before.len() {
                out.set("changed.macro-emptied");
            }
        }
    }
}

/// Bits and sign of a type by its name.
pub(crate) fn integer(word: &str) -> Option<(u32, bool)> {
    Some(match word {
        "char" | "int8_t" | "int8" => (8, true),
        "uint8_t" | "uint8" | "u_char" | "u8" | "byte" | "u_int8_t" => (8, false),
        "short" | "int16_t" | "int16" => (16, true),
        "uint16_t" | "uint16" | "u_short" | "u16" | "u_int16_t" => (16, false),
        "int" | "int32_t" | "int32" => (32, true),
        "uint32_t" | "uint32" | "u_int" | "uint" | "u32" | "u_int32_t" => (32, false),
        "long" | "int64_t" | "int64" | "ssize_t" | "off_t" | "curl_off_t" | "ptrdiff_t" => (64, true),
        "uint64_t" | "uint64" | "size_t" | "u64" | "u_long" | "uintptr_t" => (64, false),
        _ => return None,
    })
}
