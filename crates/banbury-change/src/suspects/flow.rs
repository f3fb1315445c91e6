//! Jumps, and what is used after it was released.

use crate::features::{Features, Reading, Role, is_exit, role};
use crate::lex::{Statement, Text, TokenKind};
use crate::names;

impl Reading<'_> {
    /// Jumps that make the next statement unreachable; use after release.
    pub(super) fn suspect_flow(&self, text: &Text<'_>, at: usize, out: &mut Features) {
        let statement = &text.statements[at];
        let Some(next) = text.statements.get(at + 1) else { return };
        let first = |statement: &Statement| text.word(&text.of(statement)[0]);
        let before_is_head = at.checked_sub(1).is_some_and(|at| {
            let before = &text.statements[at];
            matches!(role(text, before), Role::Condition | Role::Loop) || first(before) == "else"
        });
        let leaves = matches!(first(statement), "return" | "goto" | "break" | "continue");
        let same_level = next.depth == statement.depth && next.function == statement.function;
        let reachable = matches!(first(next), "case" | "default" | "}" | "#" | "else")
            || text.of(next).get(1).is_some_and(|token| text.word(token) == ":");
        if leaves
            && same_level
            && !before_is_head
            && !reachable
            && statement.function != crate::lex::NO_FUNCTION
        {
            out.set("suspect.unreachable-after");
        }
        self.use_after(text, at, out);
        self.used_after(text, at, out);
    }

    /// The other way round: what this statement uses was released just before.
    fn used_after(&self, text: &Text<'_>, at: usize, out: &mut Features) {
        for before in (at.saturating_sub(3)..at).rev() {
            let statement = &text.statements[before];
            let here = &text.statements[at];
            if statement.depth != here.depth
                || statement.function != here.function
                || is_exit(text, statement)
            {
                return;
            }
            let mut found = Features::default();
            self.use_after(text, before, &mut found);
            let tokens = text.of(statement);
            if found.has("suspect.use-after-release")
                && tokens
                    .get(2)
                    .is_some_and(|argument| text.of(here).iter().any(|token| token.hash == argument.hash))
            {
                out.set("suspect.use-after-release");
            }
        }
    }

    fn use_after(&self, text: &Text<'_>, at: usize, out: &mut Features) {
        let statement = &text.statements[at];
        let tokens = text.of(statement);
        let [callee, open, argument, close, ..] = tokens else { return };
        let released = text.word(open) == "("
            && text.word(close) == ")"
            && argument.kind == TokenKind::Word
            && is_final(text.word(callee));
        if !released {
            return;
        }
        for next in text.statements[at + 1..].iter().take(6) {
            if next.depth != statement.depth || next.function != statement.function || is_exit(text, next) {
                return;
            }
            let tokens = text.of(next);
            let Some(found) = tokens.iter().position(|token| token.hash == argument.hash) else { continue };
            let assigned = tokens.get(found + 1).is_some_and(|token| text.word(token) == "=");
            let is_member = found > 0 && matches!(text.word(&tokens[found - 1]), "->" | ".");
            if !assigned && !is_member {
                out.set("suspect.use-after-release");
            }
            return;
        }
    }
}

fn is_final(callee: &str) -> bool {
    let mut last = String::new();
    names::each_part(callee, |part| last = part.to_owned());
    matches!(
        last.as_str(),
        "free"
            | "delete"
            | "destroy"
            | "unref"
            | "release"
            | "close"
            | "kfree"
            | "xfree"
            | "cleanup"
            | "remove"
    )
}
