//! What an edit is: numbered reasons, each a name and a value.

use crate::edits::{Action, Edit};
use crate::lex::{Statement, Text, Token, TokenKind};
use crate::names::{self, Lexicon};
use crate::stats::Habits;

/// Reasons found so far, each name once, the largest value.
#[derive(Clone, Debug, Default)]
pub struct Features(pub Vec<(&'static str, f32)>);

impl Features {
    pub fn set(&mut self, name: &'static str) {
        self.value(name, 1.0);
    }

    pub fn value(&mut self, name: &'static str, value: f32) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = known.max(value),
            None => self.0.push((name, value)),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == name)
    }
}

/// Both versions of a file and what is needed to read them.
pub struct Reading<'a> {
    pub old: &'a Text<'a>,
    pub new: &'a Text<'a>,
    pub lexicon: &'a Lexicon,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Condition,
    Loop,
    Return,
    Jump,
    Case,
    Directive,
    Call,
    Assignment,
    Declaration,
    Brace,
    Other,
}

pub fn role(text: &Text<'_>, statement: &Statement) -> Role {
    let tokens = text.of(statement);
    let word = |at: usize| tokens.get(at).map_or("", |token| text.word(token));
    match word(0) {
        "if" | "switch" => Role::Condition,
        "else" if word(1) == "if" => Role::Condition,
        "while" | "for" => Role::Loop,
        "return" => Role::Return,
        "goto" | "break" | "continue" => Role::Jump,
        "case" | "default" => Role::Case,
        "#" => Role::Directive,
        "{" | "}" => Role::Brace,
        _ if !text.kind.is_code() => Role::Other,
        _ => match tokens {
            [first, second, ..] if first.kind == TokenKind::Word && text.word(second) == "(" => Role::Call,
            [first, second, ..] if first.kind == TokenKind::Word && second.kind == TokenKind::Word => {
                Role::Declaration
            }
            _ if tokens.iter().any(|token| is_assignment(text.word(token))) => Role::Assignment,
            _ => Role::Other,
        },
    }
}

fn is_assignment(word: &str) -> bool {
    matches!(word, "=" | "+=" | "-=" | "|=" | "&=" | "^=" | "<<=" | ">>=" | "*=" | "/=" | ":=" | "%=")
}

fn is_relation(word: &str) -> bool {
    matches!(word, "<" | "<=" | ">" | ">=")
}

fn is_equality(word: &str) -> bool {
    matches!(word, "==" | "!=")
}

fn is_constant_name(word: &str) -> bool {
    word.len() > 1
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

impl Reading<'_> {
    /// The reasons that lie in the edit itself.
    pub fn describe(&self, edit: &Edit, habits: &Habits, out: &mut Features) {
        let mut now = Features::default();
        for at in edit.new.0..edit.new.1 {
            self.suspects(self.new, at, habits, &mut now);
        }
        let mut before = Features::default();
        for at in edit.old.0..edit.old.1 {
            self.suspects(self.old, at, habits, &mut before);
        }
        for (name, _) in now.0.into_iter().filter(|(name, _)| !before.has(name)) {
            out.set(name);
        }
        match edit.action {
            Action::Removed => self.run(self.old, edit.old, false, out),
            Action::Added => self.run(self.new, edit.new, true, out),
            Action::Changed => {
                self.changed(&self.old.statements[edit.old.0], &self.new.statements[edit.new.0], out)
            }
        }
    }

    fn run(&self, text: &Text<'_>, range: (usize, usize), added: bool, out: &mut Features) {
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
        if real().count() == 1 && real().all(|statement| is_exit(text, statement)) {
            out.set(if added { "added.exit-only" } else { "removed.exit-only" });
        }
        if real().count() == 1 {
            out.set(if added { "added.alone" } else { "removed.alone" });
        }
    }

    fn statement(&self, text: &Text<'_>, at: usize, range: (usize, usize), added: bool, out: &mut Features) {
        let pick = |removed: &'static str, new: &'static str| if added { new } else { removed };
        let statement = &text.statements[at];
        let tokens = text.of(statement);
        let whole_block = text.statements.get(at + 1).is_some_and(|_| at + 1 < range.1);
        match role(text, statement) {
            Role::Condition => {
                let exits = self.exits(text, at);
                match (exits, whole_block) {
                    (true, true) => out.set(pick("removed.guard", "added.guard")),
                    (true, false) => out.set(pick("removed.guard-head", "added.guard-head")),
                    (false, _) => out.set(pick("removed.condition", "added.condition")),
                }
                if !exits && self.clamps(text, at) {
                    out.set(pick("removed.clamp", "added.clamp"));
                }
                let class = self.classes(text, tokens);
                if class & names::LENGTH != 0 {
                    out.set(pick("removed.length-check", "added.length-check"));
                }
                if class & (names::CHECK | names::CRYPTO) != 0 {
                    out.set(pick("removed.security-check", "added.security-check"));
                }
            }
            Role::Loop => out.set(pick("removed.loop", "added.loop")),
            Role::Return => out.set(pick("removed.return", "added.return")),
            Role::Jump => out.set(pick("removed.jump", "added.jump")),
            Role::Case => out.set(pick("removed.case", "added.case")),
            Role::Directive => out.set(pick("removed.directive", "added.directive")),
            Role::Declaration => out.set(pick("removed.declaration", "added.declaration")),
            Role::Assignment => self.assignment(text, tokens, added, out),
            Role::Brace => {}
            Role::Call | Role::Other => {}
        }
        self.calls(text, tokens, added, out);
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

    pub(crate) fn is_secret(&self, word: &str) -> bool {
        let is_value = !is_constant_name(word);
        is_value && {
            let mut found = false;
            names::each_part(word, |part| {
                found |= matches!(
                    part,
                    "password"
                        | "passwd"
                        | "passphrase"
                        | "secret"
                        | "credential"
                        | "credentials"
                        | "privkey"
                        | "psk"
                        | "opc"
                        | "token"
                        | "cookie"
                        | "pin"
                        | "kasme"
                        | "kseaf"
                        | "kausf"
                        | "kamf"
                        | "key"
                        | "keys"
                        | "pwd"
                        | "pass"
                        | "community"
                )
            });
            found
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

    fn classes(&self, text: &Text<'_>, tokens: &[Token]) -> u32 {
        tokens.iter().fold(0, |classes, token| match token.kind {
            TokenKind::Sign | TokenKind::Number => classes,
            _ => classes | self.lexicon.classes(text.word(token)),
        })
    }

    /// Whether the branch that this head guards leaves: the next few statements, as far as they
    /// are inside, end in a jump.
    pub fn exits(&self, text: &Text<'_>, at: usize) -> bool {
        let depth = text.statements[at].depth;
        let braced = text.statements.get(at + 1).is_some_and(|next| text.word(&text.of(next)[0]) == "{");
        if !braced {
            return text.statements.get(at + 1).is_some_and(|next| is_exit(text, next));
        }
        text.statements[at + 2..]
            .iter()
            .take(12)
            .take_while(|statement| statement.depth > depth)
            .any(|statement| statement.depth == depth + 1 && is_exit(text, statement))
    }

    fn changed(&self, a: &Statement, b: &Statement, out: &mut Features) {
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

    /// One place of a statement.
    fn tokens(&self, cx: &Tokens<'_>, role: Role, out: &mut Features) {
        let words = |text: &Text<'_>, tokens: &[Token]| -> Vec<String> {
            tokens.iter().map(|token| text.word(token).to_owned()).collect()
        };
        let (removed, added) = (words(self.old, cx.removed), words(self.new, cx.added));
        let removed: Vec<&str> = removed.iter().map(String::as_str).collect();
        let added: Vec<&str> = added.iter().map(String::as_str).collect();
        match (removed.as_slice(), added.as_slice()) {
            ([a], [b]) => self.swapped(cx, a, b, role, out),
            ([], ["!"]) | (["!"], []) => out.set("changed.negation"),
            ([], [sign, number]) | ([sign, number], [])
                if matches!(*sign, "+" | "-") && is_number(number) =>
            {
                out.set("changed.off-by-some");
            }
            (_, []) => self.term(cx.removed, self.old, &removed, role, false, out),
            ([], _) => self.term(cx.added, self.new, &added, role, true, out),
            _ => {
                out.set("changed.expression");
                let calls = |words: &[&str]| words.windows(2).any(|pair| pair[1] == "(");
                if calls(&removed) && !calls(&added) {
                    out.set("changed.call-dropped");
                }
            }
        }
        if self.inside(cx, "sizeof") || removed.contains(&"sizeof") || added.contains(&"sizeof") {
            out.set("changed.sizeof");
        }
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
        let next = cx.new.get(cx.at.1 + 1).map_or("", |token| self.new.word(token));
        let kind = cx.added[0].kind;
        let pair = (a, b);
        if is_relation(a) && is_relation(b) {
            out.set("changed.relation");
        } else if is_equality(a) && is_equality(b) {
            out.set("changed.equality");
        } else if (is_equality(a) || is_relation(a)) && (is_equality(b) || is_relation(b)) {
            out.set("changed.relation-kind");
        } else if matches!(pair, ("==" | "!=", "=") | ("=", "==" | "!=")) {
            out.set("changed.comparison-to-assignment");
        } else if matches!(pair, ("&&", "||") | ("||", "&&")) {
            out.set("changed.connective");
        } else if is_number(a) && is_number(b) {
            let (x, y) = (number(a), number(b));
            out.set("changed.number");
            if role == Role::Condition || role == Role::Loop {
                out.set("changed.number-in-condition");
            }
            if let (Some(x), Some(y)) = (x, y) {
                if y > x * 7.9 {
                    out.set("changed.number-much-larger");
                } else if y * 7.9 < x {
                    out.set("changed.number-much-smaller");
                }
                out.set(if y > x { "changed.number-larger" } else { "changed.number-smaller" });
            }
        } else if kind == TokenKind::Text && cx.removed[0].kind == TokenKind::Text {
            out.set("changed.string");
        } else if cx.removed[0].kind == TokenKind::Word && kind == TokenKind::Word {
            if next == "(" {
                self.callee(a, b, out);
            } else if is_constant_name(a) && is_constant_name(b) {
                out.set("changed.constant-name");
            } else if is_switch(a) && is_switch(b) {
                out.set("changed.switch");
            } else {
                out.set("changed.operand");
            }
        } else if is_number(a) != is_number(b)
            && kind != TokenKind::Sign
            && cx.removed[0].kind != TokenKind::Sign
        {
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

struct Tokens<'t> {
    removed: &'t [Token],
    added: &'t [Token],
    new: &'t [Token],
    at: (usize, usize),
}

pub fn is_exit(text: &Text<'_>, statement: &Statement) -> bool {
    let Some(first) = text.of(statement).first() else { return false };
    let word = text.word(first);
    matches!(word, "return" | "goto" | "break" | "continue" | "throw" | "panic")
        || word.contains("assert")
        || matches!(word, "exit" | "abort" | "_exit" | "die")
}

pub fn is_number(word: &str) -> bool {
    word.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
}

pub fn number(word: &str) -> Option<f64> {
    let plain = word.trim_end_matches(['u', 'U', 'l', 'L']);
    match plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(|value| value as f64),
        None if plain.len() > 1 && plain.starts_with('0') => {
            u64::from_str_radix(plain.trim_start_matches('0'), 8).ok().map(|value| value as f64)
        }
        None => plain.parse().ok(),
    }
}

fn is_unbounded(word: &str) -> bool {
    matches!(
        word,
        "strcpy" | "strcat" | "sprintf" | "vsprintf" | "gets" | "alloca" | "scanf" | "stpcpy" | "wcscpy"
    )
}

/// Bits and sign of a type by its name.
fn integer(word: &str) -> Option<(u32, bool)> {
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
