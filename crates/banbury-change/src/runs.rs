//! What statements that came or went were.

use crate::features::{Features, Reading, Role, is_exit, is_relation, is_unbounded, role};
use crate::lex::{Text, Token, TokenKind};
use crate::names;

impl Reading<'_> {
    pub(crate) fn run(&self, text: &Text<'_>, range: (usize, usize), added: bool, out: &mut Features) {
        out.set(if added { "added" } else { "removed" });
        if !text.kind.is_code() {
            for at in range.0..range.1 {
                let tokens = text.of(&text.statements[at]);
                self.setting_words(text, tokens, added, out);
            }
            return;
        }
        for at in range.0..range.1 {
            self.statement(text, at, range, added, out);
        }
        let statements = &text.statements[range.0..range.1];
        let real = || statements.iter().filter(|statement| role(text, statement) != Role::Brace);
        if real().count() == 1 {
            out.set(if added { "added.alone" } else { "removed.alone" });
            if real().all(|statement| is_exit(text, statement)) {
                out.set(if added { "added.exit-only" } else { "removed.exit-only" });
            }
        }
        if !added {
            self.after_gap(text, range, out);
        }
    }

    /// What the statement before a removed one makes of its absence: a failure that is told and no
    /// longer left at, a pointer that stays when what it leads to was released.
    fn after_gap(&self, text: &Text<'_>, range: (usize, usize), out: &mut Features) {
        let gone = &text.statements[range.0];
        let Some(before) = range.0.checked_sub(1).map(|at| &text.statements[at]) else { return };
        if before.function != gone.function || before.depth != gone.depth {
            return;
        }
        let callee = text.of(before).iter().take_while(|token| text.word(token) != "(");
        let class = callee.fold(0, |class, token| class | self.lexicon.classes(text.word(token)));
        let calls = role(text, before) == Role::Call || text.of(before).iter().any(|t| text.word(t) == "(");
        if calls && is_exit(text, gone) && class & (names::LOG | names::ERROR) != 0 {
            out.set("removed.exit-after-message");
        }
        let released = || {
            let target = text.of(gone).iter().take_while(|token| text.word(token) != "=");
            let last = target.filter(|token| token.kind == TokenKind::Word).last();
            last.is_some_and(|last| text.of(before).iter().any(|token| token.hash == last.hash))
        };
        if calls && class & names::RELEASE != 0 && out.has("removed.reset") && released() {
            out.set("removed.reset-after-release");
        }
    }

    fn statement(&self, text: &Text<'_>, at: usize, range: (usize, usize), added: bool, out: &mut Features) {
        let pick = |removed: &'static str, new: &'static str| if added { new } else { removed };
        let tokens = text.of(&text.statements[at]);
        match role(text, &text.statements[at]) {
            Role::Condition => self.condition(text, at, at + 1 < range.1, added, out),
            Role::Loop => out.set(pick("removed.loop", "added.loop")),
            Role::Return => out.set(pick("removed.return", "added.return")),
            Role::Jump => out.set(pick("removed.jump", "added.jump")),
            Role::Case => out.set(pick("removed.case", "added.case")),
            Role::Directive => out.set(pick("removed.directive", "added.directive")),
            Role::Declaration => out.set(pick("removed.declaration", "added.declaration")),
            Role::Assignment => self.assignment(text, tokens, added, out),
            Role::Brace | Role::Call | Role::Other => {}
        }
        self.calls(text, tokens, added, out);
    }

    /// A condition with its branch (`whole`) or its head alone.
    fn condition(&self, text: &Text<'_>, at: usize, whole: bool, added: bool, out: &mut Features) {
        let pick = |removed: &'static str, new: &'static str| if added { new } else { removed };
        let exits = self.exits(text, at);
        out.set(match (exits, whole) {
            (true, true) => pick("removed.guard", "added.guard"),
            (true, false) => pick("removed.guard-head", "added.guard-head"),
            (false, _) => pick("removed.condition", "added.condition"),
        });
        if !exits && self.clamps(text, at) {
            out.set(pick("removed.clamp", "added.clamp"));
        }
        let class = self.classes(text, text.of(&text.statements[at]));
        if class & names::LENGTH != 0 {
            out.set(pick("removed.length-check", "added.length-check"));
        }
        if class & (names::CHECK | names::CRYPTO) != 0 {
            out.set(pick("removed.security-check", "added.security-check"));
        }
    }

    fn assignment(&self, text: &Text<'_>, tokens: &[Token], added: bool, out: &mut Features) {
        let pick = |removed: &'static str, new: &'static str| if added { new } else { removed };
        let last = tokens.iter().rev().find(|token| text.word(token) != ";");
        let resets =
            last.is_some_and(|token| matches!(text.word(token), "NULL" | "0" | "nullptr" | "false" | "nil"));
        out.set(if resets {
            pick("removed.reset", "added.reset")
        } else {
            pick("removed.assignment", "added.assignment")
        });
    }

    fn calls(&self, text: &Text<'_>, tokens: &[Token], added: bool, out: &mut Features) {
        let pick = |removed: &'static str, new: &'static str| if added { new } else { removed };
        for pair in tokens.windows(2) {
            if pair[0].kind != TokenKind::Word || text.word(&pair[1]) != "(" {
                continue;
            }
            let class = self.lexicon.classes(text.word(&pair[0]));
            out.set(pick("removed.call", "added.call"));
            if added {
                self.new_call(text, tokens, class, text.word(&pair[0]), out);
            }
            let table: [(u32, &'static str, &'static str); 9] = [
                (names::RELEASE, "removed.call.release", "added.call.release"),
                (names::ERASE, "removed.call.erase", "added.call.erase"),
                (names::CHECK, "removed.call.check", "added.call.check"),
                (names::CRYPTO, "removed.call.crypto", "added.call.crypto"),
                (names::EXEC, "removed.call.exec", "added.call.exec"),
                (names::COPY, "removed.call.copy", "added.call.copy"),
                (names::LOCK, "removed.call.lock", "added.call.lock"),
                (names::LOG, "removed.call.log", "added.call.log"),
                (names::PERMISSION, "removed.call.permission", "added.call.permission"),
            ];
            for (bit, removed, new) in table {
                if class & bit != 0 {
                    out.set(if added { new } else { removed });
                }
            }
        }
    }

    /// What a call that was not there may do.
    fn new_call(&self, text: &Text<'_>, tokens: &[Token], class: u32, callee: &str, out: &mut Features) {
        let words =
            |kind: TokenKind| tokens.iter().filter(move |token| token.kind == kind).map(|t| text.word(t));
        if class & names::LOG != 0 && words(TokenKind::Word).skip(1).any(|word| self.is_secret(word)) {
            out.set("added.secret-logged");
        }
        if is_unbounded(callee) {
            out.set("added.unbounded-copy");
        }
        let compares = callee.contains("cmp") || callee.contains("equal") || callee.contains("EQUAL");
        if compares
            && words(TokenKind::Text).next().is_some()
            && words(TokenKind::Word).any(|word| self.is_secret(word))
        {
            out.set("added.secret-compared");
        }
    }

    /// `if (x > y) x = y;`
    fn clamps(&self, text: &Text<'_>, at: usize) -> bool {
        let head = text.of(&text.statements[at]);
        let compares = head.iter().any(|token| is_relation(text.word(token)));
        let body = text.statements[at + 1..].iter().take(2).find(|next| role(text, next) != Role::Brace);
        compares
            && body.is_some_and(|body| {
                let tokens = text.of(body);
                tokens.iter().any(|token| text.word(token) == "=")
                    && tokens.first().is_some_and(|first| head.iter().any(|token| token.hash == first.hash))
            })
    }
}
