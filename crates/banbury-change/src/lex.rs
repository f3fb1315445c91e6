//! Text to tokens to statements, alike for every language with C's lexical habits and, line by
//! line, for the rest. Comments and white space are not part of a statement, so that reformatting
//! changes none.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::language::Kind;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    Word,
    Number,
    Text,
    Sign,
}

#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Of the text.
    pub hash: u64,
    pub start: u32,
    pub len: u32,
    pub line: u32,
    pub kind: TokenKind,
}

/// A simple statement, a head (`if (...)`), a brace, a directive; or a line.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    pub first: u32,
    /// One past the last token.
    pub end: u32,
    pub line: u32,
    pub last_line: u32,
    pub hash: u64,
    /// Braces open before it.
    pub depth: u16,
    /// Index into [`Text::functions`], or [`NO_FUNCTION`].
    pub function: u32,
}

pub const NO_FUNCTION: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub struct FunctionSpan {
    pub name: String,
}

/// A file cut up.
pub struct Text<'a> {
    pub source: &'a [u8],
    pub kind: Kind,
    pub tokens: Vec<Token>,
    pub statements: Vec<Statement>,
    pub functions: Vec<FunctionSpan>,
    pub lines: u32,
}

pub fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.write_usize(bytes.len());
    // Low bits are used for tables.
    let hash = hasher.finish();
    hash ^ (hash >> 29)
}

impl<'a> Text<'a> {
    pub fn new(source: &'a [u8], kind: Kind) -> Text<'a> {
        let mut text = Text {
            source,
            kind,
            tokens: Vec::new(),
            statements: Vec::new(),
            functions: Vec::new(),
            lines: 0,
        };
        if kind == Kind::Binary {
            return text;
        }
        Lexer { source, kind, at: 0, line: 1, tokens: Vec::with_capacity(source.len() / 5) }.run(&mut text);
        match kind.is_code() {
            true => text.cut_statements(),
            false => text.cut_lines(),
        }
        text
    }

    pub fn word(&self, token: &Token) -> &'a str {
        let bytes = &self.source[token.start as usize..(token.start + token.len) as usize];
        std::str::from_utf8(bytes).unwrap_or("")
    }

    pub fn of(&self, statement: &Statement) -> &[Token] {
        &self.tokens[statement.first as usize..statement.end as usize]
    }

    pub fn function_name(&self, statement: &Statement) -> &str {
        self.functions.get(statement.function as usize).map_or("", |function| &function.name)
    }

    fn push(&mut self, first: usize, end: usize, depth: u16) {
        let Some(last) = end.checked_sub(1).filter(|last| *last >= first) else { return };
        let mut hasher = FxHasher::default();
        for token in &self.tokens[first..end] {
            hasher.write_u64(token.hash);
        }
        if self.kind == Kind::Script {
            hasher.write_u32(self.column(&self.tokens[first]));
        }
        let (line, last_line) = (self.tokens[first].line, self.end_line(last));
        self.statements.push(Statement {
            first: first as u32,
            end: end as u32,
            line,
            last_line,
            hash: hasher.finish(),
            depth,
            function: NO_FUNCTION,
        });
    }

    fn end_line(&self, token: usize) -> u32 {
        let token = &self.tokens[token];
        match token.kind {
            TokenKind::Text => {
                let bytes = &self.source[token.start as usize..(token.start + token.len) as usize];
                token.line + bytes.iter().filter(|byte| **byte == b'\n').count() as u32
            }
            _ => token.line,
        }
    }

    fn column(&self, token: &Token) -> u32 {
        let before = &self.source[..token.start as usize];
        before.iter().rev().take(200).take_while(|byte| **byte != b'\n').count() as u32
    }

    fn cut_lines(&mut self) {
        let mut first = 0;
        for index in 0..self.tokens.len() {
            if index > first && self.tokens[index].line != self.end_line(index - 1) {
                self.push(first, index, 0);
                first = index;
            }
        }
        self.push(first, self.tokens.len(), 0);
    }

    fn cut_statements(&mut self) {
        let mut cutter = Cutter::default();
        for index in 0..self.tokens.len() {
            cutter.step(self, index);
        }
        self.push(cutter.first, self.tokens.len(), cutter.depth);
        let end = self.statements.len() as u32;
        cutter.close_function(self, end);
    }
}

/// Cuts a token sequence into statements and finds the functions.
#[derive(Default)]
struct Cutter {
    first: usize,
    depth: u16,
    parens: u16,
    /// Depth of braces that hold declarations (`namespace`, `extern "C"`, classes).
    transparent: Vec<u16>,
    directive: bool,
    open: Option<(String, u32, u16)>,
}

impl Cutter {
    fn cut(&mut self, text: &mut Text<'_>, end: usize) {
        text.push(self.first, end, self.depth);
        self.first = end;
    }

    fn step(&mut self, text: &mut Text<'_>, index: usize) {
        let token = text.tokens[index];
        let byte = text.source[token.start as usize];
        if index > 0 && token.line != text.tokens[index - 1].line {
            self.line_end(text, index);
        }
        if byte == b'#' && token.kind == TokenKind::Sign && self.first == index || self.directive {
            self.directive = true;
            // The body of a macro of several lines is cut like code.
            if matches!(byte, b';' | b'{' | b'}') {
                self.cut(text, index + 1);
            }
            return;
        }
        if token.kind != TokenKind::Sign {
            return;
        }
        match byte {
            b'(' | b'[' => self.parens += 1,
            b')' | b']' => {
                self.parens = self.parens.saturating_sub(1);
                if self.parens == 0 && byte == b')' && self.is_head(text, index) {
                    self.cut(text, index + 1);
                }
            }
            b'{' => self.open_brace(text, index),
            b'}' => self.close_brace(text, index),
            b';' if self.parens == 0 => self.cut(text, index + 1),
            b':' if self.parens == 0 && self.is_label(text, index) => self.cut(text, index + 1),
            b',' if self.parens == 0 && self.depth > 0 && self.is_list(text, index) => {
                self.cut(text, index + 1)
            }
            _ => {}
        }
    }

    fn line_end(&mut self, text: &mut Text<'_>, index: usize) {
        if self.directive {
            let from = (text.tokens[index - 1].start + text.tokens[index - 1].len) as usize;
            if ends_directive(&text.source[from..text.tokens[index].start as usize]) {
                self.cut(text, index);
                self.directive = false;
            }
            return;
        }
        // What a directive interrupts is cut there.
        let is_directive = text.source[text.tokens[index].start as usize] == b'#';
        if is_directive || text.kind == Kind::LineCode && self.parens == 0 && ends_line(text, index - 1) {
            self.cut(text, index);
        }
    }

    /// `if (...)`, `for (...)`, ...: what follows is a statement of its own.
    fn is_head(&self, text: &Text<'_>, end: usize) -> bool {
        let mut words = text.tokens[self.first..end].iter().map(|token| text.word(token));
        match words.next() {
            Some("if" | "while" | "for" | "switch") => true,
            Some("else") => matches!(words.next(), Some("if")),
            _ => false,
        }
    }

    fn is_label(&self, text: &Text<'_>, index: usize) -> bool {
        let first = &text.tokens[self.first];
        let next_is_colon = text.tokens.get(index + 1).is_some_and(|next| text.word(next) == ":");
        let after_colon = index > 0 && text.word(&text.tokens[index - 1]) == ":";
        match text.word(first) {
            "case" | "default" => !next_is_colon && !after_colon,
            _ => index == self.first + 1 && first.kind == TokenKind::Word && self.depth > 0 && !next_is_colon,
        }
    }

    /// An element of an initialiser or enumeration: a comma outside of parentheses, with no
    /// declaration before it.
    fn is_list(&self, text: &Text<'_>, index: usize) -> bool {
        let tokens = &text.tokens[self.first..index];
        match tokens {
            [] => false,
            [one] => one.kind != TokenKind::Sign || text.word(one) != "*",
            [first, second, ..] => {
                text.word(first) == "."
                    || text.word(second) == "="
                    || !(first.kind == TokenKind::Word && second.kind == TokenKind::Word)
                        && text.word(second) != "*"
            }
        }
    }

    fn open_brace(&mut self, text: &mut Text<'_>, index: usize) {
        let head = &text.tokens[self.first..index];
        let start = text.statements.len() as u32;
        let is_space = head.iter().any(|token| {
            matches!(text.word(token), "namespace" | "class" | "extern" | "struct" | "impl" | "interface")
        }) && !head.iter().any(|token| text.word(token) == "(");
        let at_top = self.transparent.len() == self.depth as usize;
        if at_top && self.open.is_none() && !is_space {
            if let Some(name) = function_name(text, head) {
                self.open = Some((name, start, self.depth));
            }
        }
        self.cut(text, index);
        self.cut(text, index + 1);
        if at_top && is_space {
            self.transparent.push(self.depth);
        }
        // A brace inside parentheses (a compound literal) must not hide the statements after it.
        self.depth = self.depth.saturating_add(1);
    }

    fn close_brace(&mut self, text: &mut Text<'_>, index: usize) {
        self.cut(text, index);
        self.depth = self.depth.saturating_sub(1);
        if self.transparent.last() == Some(&self.depth) {
            self.transparent.pop();
        }
        self.cut(text, index + 1);
        // A brace in the first column ends whatever went wrong before.
        let column_one = text.tokens[index].start == 0
            || text.source.get(text.tokens[index].start as usize - 1) == Some(&b'\n');
        if column_one && self.transparent.is_empty() {
            (self.depth, self.parens) = (0, 0);
        }
        if self.open.as_ref().is_some_and(|(_, _, depth)| *depth >= self.depth) {
            let end = text.statements.len() as u32;
            self.close_function(text, end);
        }
    }

    fn close_function(&mut self, text: &mut Text<'_>, end: u32) {
        let Some((name, first, _)) = self.open.take() else { return };
        let number = text.functions.len() as u32;
        for statement in &mut text.statements[first as usize..end as usize] {
            statement.function = number;
        }
        text.functions.push(FunctionSpan { name });
    }
}

/// Whether a directive ends in what stands between two of its tokens: at the first end of a line
/// that is neither escaped nor in a comment.
fn ends_directive(between: &[u8]) -> bool {
    let mut rest = between;
    loop {
        rest = match rest {
            [] => return false,
            [b'\n', ..] => return true,
            [b'\\', b'\r', b'\n', after @ ..] | [b'\\', b'\n', after @ ..] => after,
            [b'/', b'*', comment @ ..] => match comment.windows(2).position(|pair| pair == b"*/") {
                Some(end) => &comment[end + 2..],
                None => return false,
            },
            [b'/', b'/', comment @ ..] => {
                let end = comment.iter().position(|byte| *byte == b'\n').unwrap_or(comment.len());
                &comment[end..]
            }
            [_, after @ ..] => after,
        };
    }
}

/// The name before the first parenthesis of a definition's head.
fn function_name(text: &Text<'_>, head: &[Token]) -> Option<String> {
    let words: Vec<&str> = head.iter().map(|token| text.word(token)).collect();
    let is_go_method = words.first() == Some(&"func") && words.get(1) == Some(&"(");
    let from = if is_go_method { words.iter().position(|word| *word == ")")? + 1 } else { 0 };
    let open = from + words[from..].iter().position(|word| *word == "(")?;
    let name = head.get(open.checked_sub(1)?)?;
    let assigned = words[..open].contains(&"=");
    (name.kind == TokenKind::Word && !assigned).then(|| text.word(name).to_owned())
}

/// Whether a statement of Go and its kin ends at the line end after this token.
fn ends_line(text: &Text<'_>, token: usize) -> bool {
    let token = &text.tokens[token];
    match token.kind {
        TokenKind::Word | TokenKind::Number | TokenKind::Text => true,
        TokenKind::Sign => matches!(text.word(token), ")" | "]" | "}" | "++" | "--"),
    }
}

struct Lexer<'a> {
    source: &'a [u8],
    kind: Kind,
    at: usize,
    line: u32,
    tokens: Vec<Token>,
}

/// Signs of two or three bytes.
const SIGNS: [&[u8]; 24] = [
    b"<<=", b">>=", b"...", b"->", b"++", b"--", b"<<", b">>", b"<=", b">=", b"==", b"!=", b"&&", b"||",
    b"+=", b"-=", b"*=", b"/=", b"%=", b"&=", b"|=", b"^=", b":=", b"##",
];

impl<'a> Lexer<'a> {
    fn run(mut self, text: &mut Text<'a>) {
        while let Some(&byte) = self.source.get(self.at) {
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.at += 1;
                }
                _ if byte.is_ascii_whitespace() => self.at += 1,
                b'\\' if matches!(self.source.get(self.at + 1), Some(b'\n' | b'\r')) => self.at += 1,
                _ if self.comment() => {}
                b'"' | b'\'' | b'`' if self.quotes(byte) => self.quoted(byte),
                b'0'..=b'9' => self.take(TokenKind::Number, |b| b.is_ascii_alphanumeric() || b == b'_'),
                _ if is_word(byte) => self.take(TokenKind::Word, is_word),
                _ => self.sign(),
            }
        }
        text.tokens = self.tokens;
        text.lines = self.line;
    }

    fn quotes(&self, byte: u8) -> bool {
        match self.kind {
            Kind::Prose | Kind::Material => false,
            Kind::Code => byte != b'`',
            Kind::Build | Kind::Setting => byte == b'"',
            _ => true,
        }
    }

    fn push(&mut self, kind: TokenKind, start: usize, line: u32) {
        let hash = hash_of(&self.source[start..self.at]);
        self.tokens.push(Token { hash, start: start as u32, len: (self.at - start) as u32, line, kind });
    }

    fn take(&mut self, kind: TokenKind, of: impl Fn(u8) -> bool) {
        let start = self.at;
        while self.source.get(self.at).is_some_and(|byte| of(*byte)) {
            self.at += 1;
        }
        self.push(kind, start, self.line);
    }

    fn sign(&mut self) {
        let rest = &self.source[self.at..];
        let long = self.kind != Kind::Prose;
        let sign = SIGNS.iter().find(|sign| long && rest.starts_with(sign));
        let start = self.at;
        self.at += sign.map_or(1, |sign| sign.len());
        self.push(TokenKind::Sign, start, self.line);
    }

    /// A string ends at the line end at the latest, but for raw ones.
    fn quoted(&mut self, quote: u8) {
        let (start, line) = (self.at, self.line);
        self.at += 1;
        while let Some(&byte) = self.source.get(self.at) {
            match byte {
                b'\\' if quote != b'`' => {
                    if self.source.get(self.at + 1) == Some(&b'\n') {
                        self.line += 1;
                    }
                    self.at += 2;
                    continue;
                }
                b'\n' if quote != b'`' => break,
                b'\n' => self.line += 1,
                _ => {}
            }
            self.at += 1;
            if byte == quote {
                break;
            }
        }
        self.at = self.at.min(self.source.len());
        self.push(TokenKind::Text, start, line);
    }

    fn comment(&mut self) -> bool {
        let rest = &self.source[self.at..];
        let starts_line = || {
            let before = self.source[..self.at].iter().rev().take_while(|byte| **byte != b'\n');
            before.take(200).all(|byte| byte.is_ascii_whitespace())
        };
        let after_space = self.at == 0 || self.source[self.at - 1].is_ascii_whitespace();
        match self.kind {
            Kind::Code | Kind::LineCode => {
                if rest.starts_with(b"/*") {
                    self.skip_past(b"*/");
                    return true;
                }
                if rest.starts_with(b"//") {
                    self.skip_line();
                    return true;
                }
                false
            }
            Kind::Script | Kind::Build | Kind::Setting => {
                let is_comment = rest[0] == b'#' && after_space
                    || rest.starts_with(b"dnl ") && starts_line()
                    || rest[0] == b';' && self.kind == Kind::Setting && starts_line()
                    || rest.starts_with(b"//") && self.kind == Kind::Build && starts_line();
                if is_comment {
                    self.skip_line();
                }
                is_comment
            }
            Kind::Prose | Kind::Material | Kind::Binary => false,
        }
    }

    fn skip_line(&mut self) {
        while self.source.get(self.at).is_some_and(|byte| *byte != b'\n') {
            self.at += 1;
        }
    }

    fn skip_past(&mut self, end: &[u8]) {
        self.at += 2;
        while self.at < self.source.len() && !self.source[self.at..].starts_with(end) {
            self.line += u32::from(self.source[self.at] == b'\n');
            self.at += 1;
        }
        self.at = (self.at + end.len()).min(self.source.len());
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}
