//! Macro expansion: C11 6.10.3 with the GNU extensions, on a stack of token sources.
//!
//! A macro is disabled while a source made from it is on the stack; an identifier that meets its
//! disabled macro is painted and never expanded again (the method of GCC's cpplib).

use std::sync::Arc;

use banbury_base::Symbol;

use super::macros::{Builtin, Macro, NO_PARAM, PAINTED, SPACE, Tok, names};
use super::walk::{Placed, Walker};
use crate::lexer::{Lexer, intern};
use crate::token::TokenKind;

/// Tokens that one outermost macro use may produce.
pub(super) const USE_BUDGET: u32 = 1 << 18;
/// Tokens that the arguments of one macro use may have.
const ARGUMENT_LIMIT: usize = 1 << 16;
const MAX_DEPTH: usize = 200;

/// Where tokens come from.
pub(super) enum Source {
    /// The body of a macro without parameters, by number.
    Body { id: u32, at: usize },
    /// Tokens made by substitution of a macro (its name), or given back (no name).
    List { name: Symbol, tokens: Vec<Tok>, at: usize },
}

/// The tokens of an invocation after its name.
struct Arguments {
    /// From the opening to the closing parenthesis.
    flat: Vec<Tok>,
    bounds: Vec<(usize, usize)>,
}

impl Arguments {
    fn get(&self, index: usize) -> &[Tok] {
        self.bounds.get(index).and_then(|&(from, to)| self.flat.get(from..to)).unwrap_or(&[])
    }
}

enum Collected {
    Done(Arguments),
    /// The source ended; what was read, starting with the parenthesis.
    Unterminated(Vec<Tok>),
}

impl Walker<'_> {
    /// Expands `tokens` on their own, as for an argument or a condition.
    pub(super) fn expand_list(&mut self, tokens: Vec<Tok>) -> Vec<Tok> {
        let floor = std::mem::replace(&mut self.floor, self.sources.len());
        let sealed = std::mem::replace(&mut self.sealed, true);
        self.nesting += 1;
        let mut out = Vec::with_capacity(tokens.len());
        if self.nesting > MAX_DEPTH {
            self.blown = true;
        }
        self.sources.push(Source::List { name: Symbol::EMPTY, tokens, at: 0 });
        while !self.blown
            && let Some(tok) = self.next_expanded()
        {
            out.push(tok);
        }
        self.sources.truncate(self.floor);
        self.nesting -= 1;
        self.floor = floor;
        self.sealed = sealed;
        out
    }

    /// The next token of the stack after expansion; nothing if only the file is left.
    pub(super) fn next_expanded(&mut self) -> Option<Tok> {
        loop {
            let mut tok = self.next_of_stack()?;
            if tok.kind != TokenKind::Ident || tok.flags & PAINTED != 0 {
                return Some(tok);
            }
            let Some(id) = self.lookup(tok.text) else { return Some(tok) };
            if self.disabled(tok.text) {
                tok.flags |= PAINTED;
                return Some(tok);
            }
            if !self.enter(tok, id) {
                return Some(tok);
            }
            if self.blown {
                return None;
            }
        }
    }

    fn next_of_stack(&mut self) -> Option<Tok> {
        while self.sources.len() > self.floor {
            if let Some(tok) = self.peek_source() {
                self.advance_source();
                return Some(tok);
            }
            self.sources.pop();
        }
        None
    }

    fn peek_source(&self) -> Option<Tok> {
        match self.sources.last()? {
            Source::Body { id, at } => self.table[*id as usize].body.get(*at).map(|b| b.tok),
            Source::List { tokens, at, .. } => tokens.get(*at).copied(),
        }
    }

    fn advance_source(&mut self) {
        match self.sources.last_mut() {
            Some(Source::Body { at, .. } | Source::List { at, .. }) => *at += 1,
            None => {}
        }
    }

    fn disabled(&self, name: Symbol) -> bool {
        self.sources.iter().any(|source| match source {
            Source::Body { id, .. } => self.table[*id as usize].name == name,
            Source::List { name: of, .. } => *of == name,
        })
    }

    /// Starts expanding the macro that `tok` names: its replacement is now on the stack. False if
    /// it is not an invocation.
    pub(super) fn enter(&mut self, tok: Tok, id: u32) -> bool {
        let definition = Arc::clone(&self.table[id as usize]);
        if self.sources.len() > MAX_DEPTH + self.floor || self.sources.len() > 4 * MAX_DEPTH {
            self.blown = true;
            return true;
        }
        if let Some(builtin) = definition.builtin {
            let made = self.builtin_token(builtin, tok.flags & SPACE);
            self.push_list(definition.name, vec![made]);
            return true;
        }
        if !definition.function_like {
            if definition.operators {
                let mut out =
                    self.substitute(&definition, &Arguments { flat: Vec::new(), bounds: Vec::new() });
                space_of(&mut out, tok);
                self.push_list(definition.name, out);
            } else {
                self.spend(definition.body.len());
                self.sources.push(Source::Body { id, at: 0 });
            }
            return true;
        }
        if !self.parenthesis_follows() {
            return false;
        }
        match self.collect(&definition) {
            Collected::Done(arguments) => self.invoke(tok, &definition, &arguments),
            Collected::Unterminated(tokens) if self.sealed && !self.blown => self.give_back(tok, tokens),
            Collected::Unterminated(_) => self.blown = true,
        }
        true
    }

    fn invoke(&mut self, tok: Tok, definition: &Macro, arguments: &Arguments) {
        if !fits(definition, arguments) {
            return self.give_back(tok, arguments.flat.clone());
        }
        let mut out = self.substitute(definition, arguments);
        space_of(&mut out, tok);
        self.push_list(definition.name, out);
    }

    /// Leaves an invocation as it is.
    fn give_back(&mut self, mut name: Tok, tokens: Vec<Tok>) {
        name.flags |= PAINTED;
        let mut all = Vec::with_capacity(tokens.len() + 1);
        all.push(name);
        all.extend(tokens);
        self.push_list(Symbol::EMPTY, all);
    }

    fn push_list(&mut self, name: Symbol, tokens: Vec<Tok>) {
        self.spend(tokens.len());
        self.sources.push(Source::List { name, tokens, at: 0 });
    }

    /// Takes `tokens` and one for the work from the budget of this use.
    fn spend(&mut self, tokens: usize) {
        let cost = tokens as u32 + 1;
        self.blown |= self.fuel < cost;
        self.fuel = self.fuel.saturating_sub(cost);
    }

    /// Consumes the next token if it is an opening parenthesis.
    fn parenthesis_follows(&mut self) -> bool {
        while self.sources.len() > self.floor {
            if let Some(tok) = self.peek_source() {
                let open = tok.kind == TokenKind::LParen;
                if open {
                    self.advance_source();
                }
                return open;
            }
            self.sources.pop();
        }
        if self.sealed {
            return false;
        }
        let Some(next) = self.next_placed() else { return false };
        if next.tok.kind == TokenKind::LParen {
            return true;
        }
        self.pending = Some(next);
        false
    }

    /// Reads the arguments of an invocation whose opening parenthesis is consumed.
    fn collect(&mut self, definition: &Macro) -> Collected {
        let collecting = std::mem::replace(&mut self.collecting, true);
        let result = self.collect_arguments(definition);
        self.collecting = collecting;
        result
    }

    fn collect_arguments(&mut self, definition: &Macro) -> Collected {
        let mut flat = vec![Tok::punct(TokenKind::LParen)];
        let mut bounds = Vec::new();
        let (mut depth, mut start) = (0u32, 1usize);
        let last = usize::from(definition.params).saturating_sub(1);
        loop {
            let tok = match self.next_of_stack() {
                Some(tok) => Some(tok),
                None if self.sealed => None,
                None => self.next_placed().map(|placed| placed.tok),
            };
            self.spend(0);
            let Some(tok) = tok.filter(|_| flat.len() < ARGUMENT_LIMIT && !self.blown) else {
                return Collected::Unterminated(flat);
            };
            match tok.kind {
                TokenKind::LParen => depth += 1,
                TokenKind::RParen if depth == 0 => {
                    bounds.push((start, flat.len()));
                    flat.push(tok);
                    return Collected::Done(Arguments { flat, bounds });
                }
                TokenKind::RParen => depth -= 1,
                TokenKind::Comma if depth == 0 && !(definition.variadic && bounds.len() >= last) => {
                    bounds.push((start, flat.len()));
                    start = flat.len() + 1;
                }
                _ => {}
            }
            flat.push(tok);
        }
    }

    fn builtin_token(&mut self, builtin: Builtin, flags: u8) -> Tok {
        let number =
            |value: u32| Tok { kind: TokenKind::Number, text: Symbol::new(&value.to_string()), flags };
        match builtin {
            Builtin::Line => number(self.use_line()),
            Builtin::Level => number(0),
            Builtin::Counter => {
                self.counter += 1;
                number(self.counter - 1)
            }
            Builtin::File => {
                let path = self.path().replace('\\', "\\\\").replace('"', "\\\"");
                Tok { kind: TokenKind::Str, text: Symbol::new(&format!("\"{path}\"")), flags }
            }
            Builtin::Date => Tok { kind: TokenKind::Str, text: Symbol::new("\"??? ?? ????\""), flags },
        }
    }

    /// The replacement of an invocation, before it is scanned again.
    fn substitute(&mut self, definition: &Macro, arguments: &Arguments) -> Vec<Tok> {
        let mut out = Vec::with_capacity(definition.body.len());
        let mut expanded = vec![None; usize::from(definition.params)];
        let mut job = Substitution { definition, arguments, expanded: &mut expanded };
        job.range(self, 0, definition.body.len(), &mut out);
        out.retain(|tok| !tok.is_placemarker());
        out
    }

    /// `a ## b`: one token if that makes one, else both.
    fn paste(&self, out: &mut Vec<Tok>, right: Tok) {
        let Some(left) = out.pop() else { return out.push(right) };
        if left.is_placemarker() {
            return out.push(Tok { flags: right.flags & !SPACE | left.flags & SPACE, ..right });
        }
        if right.is_placemarker() {
            return out.push(left);
        }
        let text = format!("{}{}", left.spelling(), right.spelling());
        let mut lexer = Lexer::new(text.as_bytes(), self.cpp);
        let lexeme = lexer.next_token();
        if lexeme.end as usize == text.len() && lexeme.kind != TokenKind::Eof {
            out.push(Tok { kind: lexeme.kind, text: lexer.spelling(&lexeme), flags: left.flags & SPACE });
        } else {
            out.push(left);
            out.push(right);
        }
    }
}

/// The state of one substitution of arguments for parameters.
struct Substitution<'a> {
    definition: &'a Macro,
    arguments: &'a Arguments,
    /// Arguments after expansion, made when first needed.
    expanded: &'a mut [Option<Vec<Tok>>],
}

impl Substitution<'_> {
    fn range(&mut self, walker: &mut Walker<'_>, from: usize, to: usize, out: &mut Vec<Tok>) {
        let body = &self.definition.body;
        let base = out.len();
        let (mut at, mut glue) = (from, false);
        while at < to && !walker.blown {
            let item = body[at];
            if item.tok.kind == TokenKind::HashHash && at > from && at + 1 < to {
                glue = true;
                at += 1;
                continue;
            }
            let start = out.len();
            let mut next = at + 1;
            if let Some(tok) = self.stringified(at, to) {
                out.push(tok);
                next += 1;
            } else if let Some(close) = self.optional(at, to) {
                self.optional_part(walker, at, close, out);
                next = close + 1;
            } else if item.param == NO_PARAM {
                out.push(item.tok);
            } else {
                let pasted = next < to && body[next].tok.kind == TokenKind::HashHash;
                if glue && self.is_gnu_comma(item.param, out) {
                    glue = false;
                    if self.arguments.get(usize::from(item.param)).is_empty() {
                        out.pop();
                    } else {
                        self.argument(walker, item.param, false, out);
                    }
                } else {
                    self.argument(walker, item.param, glue || pasted, out);
                }
                if let Some(first) = out.get_mut(start) {
                    first.flags = first.flags & !SPACE | item.tok.flags & SPACE;
                }
            }
            if std::mem::take(&mut glue) && start > base && out.len() > start {
                let rest = out.split_off(start);
                walker.paste(out, rest[0]);
                out.extend_from_slice(&rest[1..]);
            }
            at = next;
        }
    }

    /// `#param` at `at`.
    fn stringified(&self, at: usize, to: usize) -> Option<Tok> {
        let body = &self.definition.body;
        if body[at].tok.kind != TokenKind::Hash || !self.definition.function_like || at + 1 >= to {
            return None;
        }
        let param = body[at + 1].param;
        (param != NO_PARAM).then(|| stringify(self.arguments.get(usize::from(param)), body[at].tok.flags))
    }

    /// The closing parenthesis of `__VA_OPT__(` at `at`.
    fn optional(&self, at: usize, to: usize) -> Option<usize> {
        let body = &self.definition.body;
        if !self.definition.variadic || body[at].tok.text != names().va_opt {
            return None;
        }
        let mut depth = 0;
        for (i, item) in body.iter().enumerate().take(to).skip(at + 1) {
            match item.tok.kind {
                TokenKind::LParen => depth += 1,
                TokenKind::RParen => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return (i > at + 1).then_some(i);
            }
        }
        None
    }

    fn optional_part(&mut self, walker: &mut Walker<'_>, at: usize, close: usize, out: &mut Vec<Tok>) {
        let last = usize::from(self.definition.params).saturating_sub(1);
        if self.arguments.get(last).is_empty() {
            out.push(Tok::placemarker());
            return;
        }
        let mut part = Vec::new();
        self.range(walker, at + 2, close, &mut part);
        out.extend(part);
    }

    /// `, ## __VA_ARGS__`
    fn is_gnu_comma(&self, param: u16, out: &[Tok]) -> bool {
        self.definition.variadic
            && param + 1 == self.definition.params
            && out.last().is_some_and(|tok| tok.kind == TokenKind::Comma)
    }

    fn argument(&mut self, walker: &mut Walker<'_>, param: u16, raw: bool, out: &mut Vec<Tok>) {
        let index = usize::from(param);
        let tokens = self.arguments.get(index);
        if raw {
            if tokens.is_empty() {
                out.push(Tok::placemarker());
            }
            out.extend_from_slice(tokens);
            return;
        }
        if self.expanded[index].is_none() {
            let plain = tokens.iter().all(|t| t.kind != TokenKind::Ident);
            let made = if plain { tokens.to_vec() } else { walker.expand_list(tokens.to_vec()) };
            self.expanded[index] = Some(made);
        }
        if let Some(made) = &self.expanded[index] {
            walker.spend(made.len());
            out.extend_from_slice(made);
        }
    }
}

/// Whether the number of arguments is right.
fn fits(definition: &Macro, arguments: &Arguments) -> bool {
    let (have, want) = (arguments.bounds.len(), usize::from(definition.params));
    match want {
        0 => have == 1 && arguments.get(0).is_empty(),
        _ if definition.variadic => have + 1 >= want,
        _ => have == want,
    }
}

/// The first token of a replacement takes over the white space before the macro's name.
fn space_of(out: &mut [Tok], name: Tok) {
    if let Some(first) = out.first_mut() {
        first.flags = first.flags & !SPACE | name.flags & SPACE;
    }
}

/// C11 6.10.3.2: the spelling of an argument as a string literal.
fn stringify(tokens: &[Tok], flags: u8) -> Tok {
    let mut text = String::from("\"");
    for (i, tok) in tokens.iter().enumerate() {
        if i > 0 && tok.flags & SPACE != 0 {
            text.push(' ');
        }
        let spelling = tok.spelling();
        if matches!(tok.kind, TokenKind::Str | TokenKind::Char) {
            for c in spelling.chars() {
                if c == '"' || c == '\\' {
                    text.push('\\');
                }
                text.push(c);
            }
        } else {
            text.push_str(spelling);
        }
    }
    text.push('"');
    Tok { kind: TokenKind::Str, text: intern(text.as_bytes()), flags: flags & SPACE }
}

impl Placed {
    pub(super) fn is(&self, kind: TokenKind) -> bool {
        self.tok.kind == kind
    }
}
