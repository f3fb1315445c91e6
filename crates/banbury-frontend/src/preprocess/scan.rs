//! The one pass that learns a file: its directives, the shape of its conditional groups, its
//! include guard and the names that it declares by `typedef`.

use banbury_base::Symbol;

use crate::lexer::{Lexeme, Lexer, intern};
use crate::token::TokenKind;

/// No directive: an unclosed group, or no include guard.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DirectiveKind {
    Define,
    Undef,
    Include,
    IncludeNext,
    If,
    Ifdef,
    Ifndef,
    Elif,
    Elifdef,
    Elifndef,
    Else,
    Endif,
    Error,
    /// `#pragma`, `#line`, `#ident`, unknown words and the empty directive.
    Other,
}

impl DirectiveKind {
    fn of(word: &[u8]) -> DirectiveKind {
        use DirectiveKind::*;
        match word {
            b"define" => Define,
            b"undef" => Undef,
            b"include" | b"import" => Include,
            b"include_next" => IncludeNext,
            b"if" => If,
            b"ifdef" => Ifdef,
            b"ifndef" => Ifndef,
            b"elif" => Elif,
            b"elifdef" => Elifdef,
            b"elifndef" => Elifndef,
            b"else" => Else,
            b"endif" => Endif,
            b"error" => Error,
            _ => Other,
        }
    }

    pub(super) fn opens(self) -> bool {
        matches!(self, DirectiveKind::If | DirectiveKind::Ifdef | DirectiveKind::Ifndef)
    }

    pub(super) fn is_include(self) -> bool {
        matches!(self, DirectiveKind::Include | DirectiveKind::IncludeNext)
    }

    fn continues(self) -> bool {
        use DirectiveKind::*;
        matches!(self, Elif | Elifdef | Elifndef | Else)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Directive {
    pub kind: DirectiveKind,
    /// `#include <...>`.
    pub system: bool,
    /// The macro of define, undef, ifdef and their kin; the header's name of a plain include
    /// (empty if the include is computed); empty otherwise.
    pub name: Symbol,
    pub line: u32,
    /// Line of `end`.
    pub end_line: u32,
    /// Byte offset of the `#`.
    pub start: u32,
    /// Byte offset of what follows the directive's word, or the macro's name.
    pub body: u32,
    /// Byte offset of the line end that ends the directive.
    pub end: u32,
    /// Conditionals: the directive that ends this arm ([`NONE`] if the file ends first).
    /// Includes: position among the file's includes.
    pub link: u32,
    /// Conditionals that begin an arm: position in [`FileScan::arms`].
    pub arm: u32,
    /// A `#define` that `#ifndef` of the same name guards, or a conditional that guards one so.
    pub fallback: bool,
}

/// What stands between a conditional directive and the next one of its group.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Arm {
    /// Braces and parentheses opened less those closed. Of groups inside, the first arm counts.
    pub braces: i32,
    pub parens: i32,
    pub tokens: u32,
    /// `#error` stands directly in it.
    pub error: bool,
    /// The directive that begins the arm around this one, or [`NONE`].
    pub parent: u32,
}

#[derive(Clone, Default, Debug)]
pub(super) struct FileScan {
    pub directives: Vec<Directive>,
    pub arms: Vec<Arm>,
    /// The directive that opens the include guard, or [`NONE`].
    pub guard: u32,
    pub once: bool,
    pub typedefs: Vec<Symbol>,
    pub lines: u32,
    pub includes: u32,
    /// Like [`Arm::braces`] and [`Arm::parens`], for the whole file.
    pub excess: (i32, i32),
}

impl FileScan {
    /// Including it twice means including it once.
    pub(super) fn guarded(&self) -> bool {
        self.once || self.guard != NONE
    }
}

struct Group {
    first: u32,
    last: u32,
    braces: i32,
    parens: i32,
    first_delta: Option<(i32, i32)>,
    tokens: u32,
    has_else: bool,
}

struct Scanner<'a> {
    lexer: Lexer<'a>,
    scan: FileScan,
    groups: Vec<Group>,
    braces: i32,
    parens: i32,
    tokens: u32,
    typedef: TypedefScan,
    /// Tokens seen when the group that began the file ended.
    guard_end: Option<(u32, u32)>,
}

/// Learns one file.
pub(super) fn scan(text: &[u8], cpp: bool) -> FileScan {
    let mut scanner = Scanner {
        lexer: Lexer::new(text, cpp),
        scan: FileScan { guard: NONE, ..FileScan::default() },
        groups: Vec::new(),
        braces: 0,
        parens: 0,
        tokens: 0,
        typedef: TypedefScan::default(),
        guard_end: None,
    };
    scanner.run();
    scanner.finish()
}

impl Scanner<'_> {
    fn run(&mut self) {
        loop {
            let lexeme = self.lexer.next_token();
            match lexeme.kind {
                TokenKind::Eof => return,
                TokenKind::Hash if lexeme.first => {
                    self.directive(&lexeme);
                    continue;
                }
                TokenKind::LBrace => self.braces += 1,
                TokenKind::RBrace => self.braces -= 1,
                TokenKind::LParen => self.parens += 1,
                TokenKind::RParen => self.parens -= 1,
                _ => {}
            }
            self.tokens += 1;
            if self.typedef.active {
                self.typedef.token(&self.lexer, &lexeme, &mut self.scan.typedefs);
            } else if lexeme.kind == TokenKind::Ident
                && lexeme.end - lexeme.start == 7
                && self.lexer.raw(&lexeme) == b"typedef"
            {
                self.typedef = TypedefScan { active: true, ..TypedefScan::default() };
            }
        }
    }

    fn finish(mut self) -> FileScan {
        while let Some(group) = self.groups.pop() {
            self.close_arm(&group, NONE);
        }
        if let Some((guard, tokens)) = self.guard_end
            && tokens == self.tokens
            && self.scan.directives[guard as usize].link as usize + 1 == self.scan.directives.len()
        {
            self.scan.guard = guard;
        }
        self.scan.excess = (self.braces, self.parens);
        self.scan.lines = self.lexer.line();
        self.scan.typedefs.sort_unstable_by_key(|name| name.as_str());
        self.scan.typedefs.dedup();
        self.scan
    }

    fn directive(&mut self, hash: &Lexeme) {
        let line = hash.line;
        let mut word = self.lexer.clone();
        let lexeme = word.next_token();
        let mut directive = Directive {
            kind: DirectiveKind::Other,
            system: false,
            name: Symbol::EMPTY,
            line,
            end_line: line,
            start: hash.start,
            body: hash.end,
            end: hash.end,
            link: NONE,
            arm: NONE,
            fallback: false,
        };
        if !lexeme.first && lexeme.kind == TokenKind::Ident {
            directive.kind = DirectiveKind::of(self.lexer.raw(&lexeme));
            directive.body = lexeme.end;
            self.lexer = word;
            self.operand(&mut directive, &lexeme);
        }
        self.lexer.skip_directive();
        directive.end = self.lexer.pos() as u32;
        directive.end_line = self.lexer.line();
        self.record(directive);
    }

    /// The name after `#define` and its kin, the header after `#include`.
    fn operand(&mut self, directive: &mut Directive, word: &Lexeme) {
        use DirectiveKind::*;
        match directive.kind {
            Define | Undef | Ifdef | Ifndef | Elifdef | Elifndef => {
                let mut ahead = self.lexer.clone();
                let name = ahead.next_token();
                if !name.first && name.kind == TokenKind::Ident {
                    directive.name = ahead.spelling(&name);
                    directive.body = name.end;
                    self.lexer = ahead;
                } else {
                    directive.kind = if directive.kind.opens() || directive.kind.continues() {
                        directive.kind
                    } else {
                        Other
                    };
                }
            }
            Include | IncludeNext => self.header_name(directive),
            Other => {
                let mut ahead = self.lexer.clone();
                let next = ahead.next_token();
                if self.lexer.raw(word) == b"pragma" && !next.first && ahead.raw(&next) == b"once" {
                    self.scan.once = true;
                }
            }
            _ => {}
        }
    }

    /// `"name"` or `<name>`. Neither knows escapes or comments.
    fn header_name(&mut self, directive: &mut Directive) {
        let mut ahead = self.lexer.clone();
        let open = ahead.next_token();
        if open.first {
            return;
        }
        let line = ahead.rest_of_line(open.start as usize);
        let close = match line.first() {
            Some(b'"') => b'"',
            Some(b'<') => b'>',
            _ => return,
        };
        if let Some(len) = line[1..].iter().position(|&b| b == close) {
            directive.name = intern(&line[1..1 + len]);
            directive.system = close == b'>';
            self.lexer.jump_within_line(open.start as usize + len + 2);
        }
    }

    fn record(&mut self, mut directive: Directive) {
        let index = self.scan.directives.len() as u32;
        let kind = directive.kind;
        if kind.opens() || kind.continues() {
            directive.arm = self.scan.arms.len() as u32;
            // `#else` and `#elif` are still inside their own group here.
            let around = self.groups.len().checked_sub(1 + usize::from(kind.continues()));
            let parent = around.map_or(NONE, |at| self.groups[at].last);
            self.scan.arms.push(Arm { parent, ..Arm::default() });
        }
        if kind.is_include() {
            directive.link = self.scan.includes;
            self.scan.includes += 1;
        }
        if kind == DirectiveKind::Error
            && let Some(group) = self.groups.last()
        {
            let arm = self.scan.directives[group.last as usize].arm;
            self.scan.arms[arm as usize].error = true;
        }
        directive.fallback = kind == DirectiveKind::Define && self.mark_fallback(directive.name);
        self.scan.directives.push(directive);
        if kind.opens() {
            let (braces, parens) = (self.braces, self.parens);
            let tokens = self.tokens;
            self.groups.push(Group {
                first: index,
                last: index,
                braces,
                parens,
                first_delta: None,
                tokens,
                has_else: false,
            });
        } else if kind.continues() {
            self.next_arm(index);
        } else if kind == DirectiveKind::Endif {
            self.end_group(index);
        }
    }

    /// Whether an arm around asks that the name be not defined; marks that arm.
    fn mark_fallback(&mut self, name: Symbol) -> bool {
        for group in self.groups.iter().rev() {
            let open = &mut self.scan.directives[group.last as usize];
            let asks = match open.kind {
                DirectiveKind::Ifndef => open.name == name,
                DirectiveKind::If => self.lexer.denies(open.body as usize, open.end as usize, name),
                _ => false,
            };
            if asks {
                open.fallback = true;
                return true;
            }
        }
        false
    }

    /// `#else` and `#elif`. One outside any group is left unlinked, and thereby ignored.
    fn next_arm(&mut self, index: u32) {
        let Some(mut group) = self.groups.pop() else { return };
        self.close_arm(&group, index);
        group.first_delta.get_or_insert((self.braces - group.braces, self.parens - group.parens));
        (self.braces, self.parens) = (group.braces, group.parens);
        group.last = index;
        group.tokens = self.tokens;
        group.has_else = true;
        self.groups.push(group);
    }

    fn end_group(&mut self, index: u32) {
        let Some(group) = self.groups.pop() else { return };
        self.close_arm(&group, index);
        let (braces, parens) =
            group.first_delta.unwrap_or((self.braces - group.braces, self.parens - group.parens));
        (self.braces, self.parens) = (group.braces + braces, group.parens + parens);
        let file_begins = group.first == 0 || (group.first == 1 && self.scan.once);
        if file_begins && !group.has_else && self.is_guard(group.first) {
            self.guard_end = Some((group.first, self.tokens));
        }
    }

    fn close_arm(&mut self, group: &Group, next: u32) {
        let directive = &mut self.scan.directives[group.last as usize];
        directive.link = next;
        let arm = &mut self.scan.arms[directive.arm as usize];
        arm.braces = self.braces - group.braces;
        arm.parens = self.parens - group.parens;
        arm.tokens = self.tokens - group.tokens;
    }

    /// `#ifndef X` or `#if !defined(X)`, soon followed by `#define X`, before any token.
    fn is_guard(&mut self, first: u32) -> bool {
        let directives = &mut self.scan.directives;
        let open = directives[first as usize];
        let name = match open.kind {
            DirectiveKind::Ifndef => open.name,
            DirectiveKind::If => self.lexer.negated_defined(open.body as usize, open.end as usize),
            _ => return false,
        };
        let defined = directives
            .iter()
            .skip(first as usize + 1)
            .take(3)
            .any(|d| d.kind == DirectiveKind::Define && d.name == name);
        if !defined || name.is_empty() || self.lexer.any_token(open.start as usize) {
            return false;
        }
        directives[first as usize].name = name;
        true
    }
}

impl<'a> Lexer<'a> {
    fn rest_of_line(&self, from: usize) -> &'a [u8] {
        let rest = self.text().get(from..).unwrap_or(&[]);
        let end = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        &rest[..end]
    }

    /// Some token or directive stands before byte `end`, apart from pragmas.
    fn any_token(&self, end: usize) -> bool {
        let mut lexer = Lexer::new(&self.text()[..end], false);
        loop {
            let lexeme = lexer.next_token();
            match lexeme.kind {
                TokenKind::Eof => return false,
                TokenKind::Hash if lexeme.first => lexer.skip_directive(),
                _ => return true,
            }
        }
    }

    /// Whether `!defined(name)` is part of the condition.
    fn denies(&self, from: usize, end: usize, name: Symbol) -> bool {
        let text = &self.text()[from..end];
        let needle = name.as_str().as_bytes();
        if needle.is_empty() || !text.windows(needle.len()).any(|w| w == needle) {
            return false;
        }
        let mut lexer = Lexer::at(&self.text()[..end], from, 1, false);
        let mut before: [&[u8]; 2] = [b"", b""];
        loop {
            let lexeme = lexer.next_token();
            match lexeme.kind {
                TokenKind::Eof => return false,
                TokenKind::LParen => continue,
                TokenKind::Ident
                    if before[0] == b"!" && before[1] == b"defined" && lexer.spelling(&lexeme) == name =>
                {
                    return true;
                }
                _ => before = [before[1], lexer.raw(&lexeme)],
            }
        }
    }

    /// The X of `!defined(X)` or `!defined X`, if that is all there is.
    fn negated_defined(&self, from: usize, end: usize) -> Symbol {
        let mut lexer = Lexer::at(&self.text()[..end], from, 1, false);
        let mut words = Vec::new();
        let mut name = Symbol::EMPTY;
        for _ in 0..6 {
            let lexeme = lexer.next_token();
            match lexeme.kind {
                TokenKind::Eof => break,
                TokenKind::LParen | TokenKind::RParen => continue,
                TokenKind::Ident => name = lexer.spelling(&lexeme),
                _ => {}
            }
            words.push(lexer.raw(&lexeme));
        }
        match words.as_slice() {
            [b"!", b"defined", _] => name,
            _ => Symbol::EMPTY,
        }
    }
}

/// Finds the names that one `typedef` declares: the last identifier of each declarator, or the
/// one behind the `*` of a pointer to function or array.
#[derive(Default)]
struct TypedefScan {
    active: bool,
    braces: i32,
    parens: i32,
    brackets: i32,
    last: Option<Lexeme>,
    fixed: Option<Lexeme>,
    previous: Option<TokenKind>,
    /// The word before is `__attribute__` or its like: skip its parentheses.
    attribute: bool,
    attribute_depth: i32,
}

impl TypedefScan {
    fn token(&mut self, lexer: &Lexer<'_>, lexeme: &Lexeme, out: &mut Vec<Symbol>) {
        if self.in_attribute(lexeme) {
            return;
        }
        match lexeme.kind {
            TokenKind::LBrace => self.braces += 1,
            TokenKind::RBrace => {
                self.braces -= 1;
                self.active = self.braces >= 0;
            }
            _ if self.braces > 0 => {}
            TokenKind::LParen => self.parens += 1,
            TokenKind::RParen => self.parens -= 1,
            TokenKind::LBracket => self.brackets += 1,
            TokenKind::RBracket => self.brackets -= 1,
            TokenKind::Comma if self.parens <= 0 && self.brackets <= 0 => self.declare(lexer, out),
            TokenKind::Semi => {
                self.declare(lexer, out);
                self.active = false;
            }
            TokenKind::Ident => self.word(lexer, lexeme),
            // `typedef int name(int)`: what is before the parenthesis is the name.
            _ => {}
        }
        if self.previous == Some(TokenKind::LParen)
            && self.parens == 1
            && self.fixed.is_none()
            && self.braces == 0
            && !matches!(lexeme.kind, TokenKind::Star | TokenKind::Caret | TokenKind::LParen)
            && !(lexeme.kind == TokenKind::Ident && is_convention(lexer.raw(lexeme)))
        {
            self.fixed = self.last;
        }
        self.previous = Some(lexeme.kind);
    }

    fn in_attribute(&mut self, lexeme: &Lexeme) -> bool {
        if self.attribute_depth > 0 {
            match lexeme.kind {
                TokenKind::LParen => self.attribute_depth += 1,
                TokenKind::RParen => self.attribute_depth -= 1,
                TokenKind::Semi => self.attribute_depth = 0,
                _ => {}
            }
            return self.attribute_depth > 0 || lexeme.kind == TokenKind::RParen;
        }
        if std::mem::take(&mut self.attribute) && lexeme.kind == TokenKind::LParen {
            self.attribute_depth = 1;
            return true;
        }
        false
    }

    fn word(&mut self, lexer: &Lexer<'_>, lexeme: &Lexeme) {
        let word = lexer.raw(lexeme);
        if matches!(word, b"__attribute__" | b"__attribute" | b"__declspec" | b"__aligned" | b"_Alignas") {
            self.attribute = true;
            return;
        }
        if self.brackets > 0 || is_qualifier(word) {
            return;
        }
        if self.parens == 0 {
            self.last = Some(*lexeme);
        } else if self.fixed.is_none() && matches!(self.previous, Some(TokenKind::Star | TokenKind::Caret)) {
            self.fixed = Some(*lexeme);
        }
    }

    fn declare(&mut self, lexer: &Lexer<'_>, out: &mut Vec<Symbol>) {
        if let Some(lexeme) = self.fixed.take().or(self.last) {
            out.push(lexer.spelling(&lexeme));
        }
        self.last = None;
        self.previous = None;
    }
}

fn is_qualifier(word: &[u8]) -> bool {
    matches!(word, b"const" | b"volatile" | b"restrict" | b"__restrict" | b"__const" | b"__packed")
}

/// Calling conventions stand between the parenthesis and the star.
fn is_convention(word: &[u8]) -> bool {
    word.starts_with(b"__") || matches!(word, b"WINAPI" | b"CALLBACK" | b"APIENTRY" | b"CDECL")
}
