//! What one place of a changed statement says.

use crate::features::{
    Features, Reading, Role, is_constant_name, is_equality, is_number, is_relation, number,
};
use crate::lex::{Text, Token, TokenKind};
use crate::names;

/// Tokens that went and came at one place.
pub struct Tokens<'t> {
    pub removed: &'t [Token],
    pub added: &'t [Token],
    /// The whole new statement.
    pub new: &'t [Token],
    /// Where the place begins, in the old and in the new statement.
    pub at: (usize, usize),
}

impl Reading<'_> {
    pub(crate) fn tokens(&self, cx: &Tokens<'_>, role: Role, out: &mut Features) {
        let removed: Vec<&str> = cx.removed.iter().map(|token| self.old.word(token)).collect();
        let added: Vec<&str> = cx.added.iter().map(|token| self.new.word(token)).collect();
        match (removed.as_slice(), added.as_slice()) {
            ([a], [b]) => self.swapped(cx, a, b, role, out),
            ([], ["!"]) | (["!"], []) => out.set("changed.negation"),
            ([], [sign, number]) | ([sign, number], []) if is_number(number) && is_arithmetic(sign) => {
                out.set(if matches!(*sign, "+" | "-") { "changed.off-by-some" } else { "changed.scaled" });
            }
            (_, []) => self.term(cx.removed, self.old, &removed, role, false, out),
            ([], _) => self.term(cx.added, self.new, &added, role, true, out),
            _ => expression(&removed, &added, out),
        }
        if self.inside(cx, "sizeof") || removed.contains(&"sizeof") || added.contains(&"sizeof") {
            out.set("changed.sizeof");
        }
        self.within(cx, out);
    }

    /// What the statement is about, by the names that it begins with.
    fn within(&self, cx: &Tokens<'_>, out: &mut Features) {
        let class = self.classes(self.new, &cx.new[..cx.new.len().min(12)]);
        for (bit, name) in [
            (names::COPY, "within.copy"),
            (names::ALLOC, "within.alloc"),
            (names::CHECK, "within.check"),
            (names::CRYPTO, "within.crypto"),
            (names::PERMISSION, "within.permission"),
            (names::NETWORK, "within.network"),
            (names::SECRET, "within.secret"),
            (names::RELEASE, "within.release"),
            (names::LOG, "within.log"),
            (names::LENGTH, "within.length"),
        ] {
            if class & bit != 0 {
                out.set(name);
            }
        }
    }

    /// One token for another.
    fn swapped(&self, cx: &Tokens<'_>, a: &str, b: &str, role: Role, out: &mut Features) {
        let (before, after) = (cx.removed[0].kind, cx.added[0].kind);
        if let Some(name) = swapped_sign(a, b) {
            out.set(name);
        } else if is_number(a) && is_number(b) {
            swapped_number(a, b, role, out);
        } else if before == TokenKind::Text && after == TokenKind::Text {
            out.set("changed.string");
        } else if before == TokenKind::Word && after == TokenKind::Word {
            let next = cx.new.get(cx.at.1 + 1).map_or("", |token| self.new.word(token));
            if next == "(" {
                self.callee(a, b, out);
            } else if is_constant_name(a) && is_constant_name(b) {
                out.set("changed.constant-name");
            } else if is_switch(a) && is_switch(b) {
                out.set("changed.switch");
            } else {
                out.set("changed.operand");
            }
        } else if is_number(a) != is_number(b) && before != TokenKind::Sign && after != TokenKind::Sign {
            out.set("changed.operand-to-constant");
        } else {
            out.set("changed.operator");
        }
    }

    fn callee(&self, a: &str, b: &str, out: &mut Features) {
        out.set("changed.callee");
        let (before, after) = (self.lexicon.classes(a), self.lexicon.classes(b));
        if (before | after) & names::COPY != 0 {
            out.set("changed.callee-copy");
        }
        if before & (names::CHECK | names::CRYPTO) != 0 {
            out.set("changed.callee-check");
        }
    }

    /// Tokens only removed or only added.
    fn term(
        &self,
        tokens: &[Token],
        text: &Text<'_>,
        words: &[&str],
        role: Role,
        added: bool,
        out: &mut Features,
    ) {
        let pick = |removed: &'static str, new: &'static str| if added { new } else { removed };
        let in_condition = matches!(role, Role::Condition | Role::Loop | Role::Return);
        if words.contains(&"&&") {
            out.set(pick("changed.conjunct-removed", "changed.conjunct-added"));
        } else if words.contains(&"||") {
            out.set(pick("changed.disjunct-removed", "changed.disjunct-added"));
        } else if words.first() == Some(&"|") || words.last() == Some(&"|") {
            out.set(pick("changed.flag-removed", "changed.flag-added"));
        } else if matches!(words, ["static" | "const" | "volatile" | "inline" | "unsigned" | "extern"]) {
            out.set("changed.qualifier");
        } else if words.iter().any(|word| is_relation(word) || is_equality(word)) && in_condition {
            out.set(pick("changed.comparison-removed", "changed.comparison-added"));
        } else if words.first() == Some(&"(") && words.last() == Some(&")") {
            out.set(pick("changed.cast-removed", "changed.cast-added"));
        } else if words.contains(&",") {
            out.set(pick("changed.argument-removed", "changed.argument-added"));
        } else {
            out.set(pick("changed.part-removed", "changed.part-added"));
        }
        if words.windows(2).any(|pair| pair[1] == "(" && !matches!(pair[0], "," | "(" | "&&" | "||")) {
            out.set(pick("changed.call-removed", "changed.call-added"));
            let class = self.classes(text, tokens);
            if class & (names::CHECK | names::CRYPTO) != 0 {
                out.set(pick("changed.check-removed", "changed.check-added"));
            }
        }
    }

    fn inside(&self, cx: &Tokens<'_>, callee: &str) -> bool {
        let before = &cx.new[cx.at.1.saturating_sub(3)..cx.at.1.min(cx.new.len())];
        before.iter().any(|token| self.new.word(token) == callee)
    }
}

/// One comparison or connective for another.
fn swapped_sign(a: &str, b: &str) -> Option<&'static str> {
    let compares = |word| is_equality(word) || is_relation(word);
    Some(match (a, b) {
        _ if is_relation(a) && is_relation(b) => "changed.relation",
        _ if is_equality(a) && is_equality(b) => "changed.equality",
        _ if compares(a) && compares(b) => "changed.relation-kind",
        ("==" | "!=", "=") | ("=", "==" | "!=") => "changed.comparison-to-assignment",
        ("&&", "||") | ("||", "&&") => "changed.connective",
        _ => return None,
    })
}

/// A number counts as much larger or smaller from three doublings on, rounded down.
const MUCH: f64 = 7.9;

fn swapped_number(a: &str, b: &str, role: Role, out: &mut Features) {
    out.set("changed.number");
    if role == Role::Condition || role == Role::Loop {
        out.set("changed.number-in-condition");
    }
    let (Some(x), Some(y)) = (number(a), number(b)) else { return };
    if y > x * MUCH {
        out.set("changed.number-much-larger");
    } else if y * MUCH < x {
        out.set("changed.number-much-smaller");
    }
    out.set(if y > x { "changed.number-larger" } else { "changed.number-smaller" });
}

/// Several tokens for several.
fn expression(removed: &[&str], added: &[&str], out: &mut Features) {
    out.set("changed.expression");
    let calls = |words: &[&str]| words.windows(2).any(|pair| pair[1] == "(");
    if calls(removed) && !calls(added) {
        out.set("changed.call-dropped");
    }
    if let (Some(a), Some(b)) = (comparison(removed), comparison(added)) {
        if a != b && !calls(removed) && !calls(added) && removed.len().max(added.len()) <= 4 {
            out.set("changed.compared-otherwise");
        }
    }
}

fn comparison<'w>(words: &[&'w str]) -> Option<&'w str> {
    words.iter().copied().find(|word| is_equality(word) || is_relation(word))
}

fn is_arithmetic(sign: &str) -> bool {
    matches!(sign, "+" | "-" | "*" | "/" | "%" | "<<" | ">>" | "&" | "|")
}

fn is_switch(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "on" | "off"
            | "true"
            | "false"
            | "yes"
            | "no"
            | "enable"
            | "disable"
            | "enabled"
            | "disabled"
            | "required"
            | "optional"
            | "recommended"
            | "always"
            | "never"
            | "none"
            | "auto"
            | "y"
            | "n"
            | "m"
            | "l"
    )
}
