//! Tokens to syntax tree for C11 with GNU extensions, without knowing all macros and types.
//!
//! A recursive descent that never gives up: what does not parse becomes one error statement or
//! one skipped region, and the rest of the file is read as if it were not there. Depth of
//! recursion and height of the tree are bounded, time is linear in the number of tokens: every
//! choice between readings is made by looking ahead, never by trying and rewinding.

mod brackets;
mod declaration;
mod declarator;
mod expression;
mod file;
mod initializer;
mod keyword;
mod literal;
mod names;
mod primary;
mod record;
mod recovery;
mod specifiers;
mod statement;
#[cfg(test)]
mod tests;

use banbury_base::{FileId, Span, Symbol};
use rustc_hash::FxHashMap;

use crate::ast::{Expr, ExprKind, FunctionDef, SyntaxError, TranslationUnit};
use crate::token::{Token, TokenKind};

use brackets::Outline;
use keyword::Kw;
use names::Names;

/// How much of a file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Full,
    /// Function bodies are skipped by their braces and left empty.
    DeclarationsOnly,
}

/// Parses one file.
///
/// `is_typedef` tells of a name from the included headers whether it is a type; `None` if no
/// header mentions it. The file's own declarations and the shape of the text decide the rest.
pub fn parse(
    file: FileId,
    tokens: &[Token],
    mode: Mode,
    is_typedef: &dyn Fn(Symbol) -> Option<bool>,
) -> TranslationUnit {
    let mut parser = Parser::new(file, tokens, mode, is_typedef);
    parser.translation_unit()
}

/// Nested constructs (parentheses, statements, declarators) beyond this depth are errors.
const MAX_DEPTH: u32 = 220;
/// Left-associative chains are cut off at this height, so that whoever walks or drops the tree
/// recursively needs a bounded stack.
const MAX_HEIGHT: u16 = 400;

/// Why a construct did not parse.
#[derive(Clone, Copy, Debug)]
struct Fail(&'static str);

type PResult<T> = Result<T, Fail>;

struct Parser<'a> {
    file: FileId,
    tokens: &'a [Token],
    outline: Outline,
    mode: Mode,
    pos: usize,
    depth: u32,
    /// Height of the expression parsed last.
    height: u16,
    /// Greatest height since it was last reset; see [`Parser::measured`].
    peak: u16,
    names: Names<'a>,
    numbers: FxHashMap<Symbol, literal::Number>,
    /// Errors of the function or, outside of functions, of the file.
    errors: Vec<SyntaxError>,
    /// Functions defined inside functions.
    lifted: Vec<FunctionDef>,
    /// Where the block ends that was read furthest, and how many tokens were read again since a
    /// statement around them failed.
    blocks_end: usize,
    reread: usize,
}

impl<'a> Parser<'a> {
    fn new(
        file: FileId,
        tokens: &'a [Token],
        mode: Mode,
        is_typedef: &'a dyn Fn(Symbol) -> Option<bool>,
    ) -> Parser<'a> {
        let end = tokens.iter().position(|t| t.kind == TokenKind::Eof).unwrap_or(tokens.len());
        let tokens = &tokens[..end];
        Parser {
            file,
            tokens,
            outline: Outline::new(tokens),
            mode,
            pos: 0,
            depth: 0,
            height: 0,
            peak: 0,
            names: Names::new(is_typedef),
            numbers: FxHashMap::default(),
            errors: Vec::new(),
            lifted: Vec::new(),
            blocks_end: 0,
            reread: 0,
        }
    }

    #[inline]
    fn kind_at(&self, at: usize) -> TokenKind {
        self.tokens.get(at).map_or(TokenKind::Eof, |t| t.kind)
    }

    #[inline]
    fn kind(&self) -> TokenKind {
        self.kind_at(self.pos)
    }

    /// The keyword at `at`; [`Kw::None`] for names and for everything that is no identifier.
    #[inline]
    fn kw_at(&self, at: usize) -> Kw {
        self.outline.keyword(at)
    }

    #[inline]
    fn kw(&self) -> Kw {
        self.kw_at(self.pos)
    }

    /// An identifier without a fixed meaning stands at `at`.
    #[inline]
    fn is_name(&self, at: usize) -> bool {
        self.kind_at(at) == TokenKind::Ident && self.kw_at(at).is_name()
    }

    #[inline]
    fn token(&self, at: usize) -> Token {
        match self.tokens.get(at) {
            Some(token) => *token,
            None => self.end_token(),
        }
    }

    #[cold]
    fn end_token(&self) -> Token {
        let line = self.tokens.last().map_or(1, |t| t.line);
        Token { kind: TokenKind::Eof, text: Symbol::EMPTY, line, col: 1, len: 0, in_macro: Symbol::EMPTY }
    }

    /// The partner of the bracket at `at`.
    #[inline]
    fn partner(&self, at: usize) -> Option<usize> {
        self.outline.partner(at)
    }

    /// The index behind the bracket that closes the one at `at`; behind the file if none does.
    fn after_partner(&self, at: usize) -> usize {
        self.partner(at).map_or(self.tokens.len(), |close| close + 1)
    }

    /// Takes the current token.
    #[inline]
    fn bump(&mut self) -> Token {
        let token = self.token(self.pos);
        self.pos += 1;
        token
    }

    #[inline]
    fn eat(&mut self, kind: TokenKind) -> bool {
        if self.kind() != kind {
            return false;
        }
        self.pos += 1;
        true
    }

    #[inline]
    fn eat_kw(&mut self, kw: Kw) -> bool {
        if self.kw() != kw {
            return false;
        }
        self.pos += 1;
        true
    }

    #[inline]
    fn expect(&mut self, kind: TokenKind, message: &'static str) -> PResult<()> {
        if self.eat(kind) { Ok(()) } else { Err(Fail(message)) }
    }

    #[inline]
    fn span(&self, token: &Token) -> Span {
        Span { file: self.file, line: token.line, col: token.col, len: token.len }
    }

    #[inline]
    fn span_at(&self, at: usize) -> Span {
        self.span(&self.token(at))
    }

    /// True if the token at `at` begins a line.
    fn starts_line(&self, at: usize) -> bool {
        at == 0 || self.token(at).line > self.token(at - 1).line || at >= self.tokens.len()
    }

    #[inline]
    fn make(&self, kind: ExprKind, token: &Token) -> Expr {
        Expr { kind, span: self.span(token), in_macro: token.in_macro }
    }

    /// Runs `parse` one level deeper, or fails where the text is nested too deeply.
    #[inline]
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> PResult<T>) -> PResult<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Fail("nested too deeply"));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Runs `parse` and leaves in [`Parser::height`] a bound on the height of all expressions
    /// that it made, plus one.
    fn measured<T>(&mut self, parse: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::take(&mut self.peak);
        self.height = 0;
        let result = parse(self);
        self.height = self.peak.max(self.height).saturating_add(1);
        self.peak = outer.max(self.height);
        result
    }

    /// Skips `( ... )` if there is one.
    fn skip_parens(&mut self) {
        if self.kind() == TokenKind::LParen {
            self.pos = self.after_partner(self.pos);
        }
    }
}
