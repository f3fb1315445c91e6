//! Macro definitions.

use banbury_base::Symbol;
use std::sync::OnceLock;

use crate::lexer::{Lexer, punctuation_text};
use crate::token::TokenKind;

/// A token inside expansion; where it stands is that of the outermost macro use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tok {
    pub kind: TokenKind,
    pub text: Symbol,
    pub flags: u8,
}

/// White space stands before the token.
pub(super) const SPACE: u8 = 1;
/// Names a macro that was being expanded when the token was met: never expanded again.
pub(super) const PAINTED: u8 = 2;
/// Stands for an empty argument beside `##`.
pub(super) const PLACEMARKER: u8 = 4;

impl Tok {
    pub(super) fn punct(kind: TokenKind) -> Tok {
        Tok { kind, text: Symbol::EMPTY, flags: 0 }
    }

    pub(super) fn placemarker() -> Tok {
        Tok { kind: TokenKind::Other, text: Symbol::EMPTY, flags: PLACEMARKER }
    }

    pub(super) fn is_placemarker(self) -> bool {
        self.flags & PLACEMARKER != 0
    }

    pub(super) fn spelling(self) -> &'static str {
        if self.text.is_empty() { punctuation_text(self.kind) } else { self.text.as_str() }
    }
}

pub(super) const NO_PARAM: u16 = u16::MAX;

#[derive(Clone, Copy, Debug)]
pub(super) struct BodyTok {
    pub tok: Tok,
    /// Which parameter the token names, or [`NO_PARAM`].
    pub param: u16,
}

/// What the preprocessor computes itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Builtin {
    Line,
    File,
    Counter,
    Level,
    Date,
}

#[derive(Clone, Debug)]
pub(super) struct Macro {
    pub name: Symbol,
    pub function_like: bool,
    pub params: u16,
    /// The last parameter takes all remaining arguments.
    pub variadic: bool,
    pub body: Vec<BodyTok>,
    /// The body holds `##`, or `#` before a parameter.
    pub operators: bool,
    pub builtin: Option<Builtin>,
    /// From the prelude: yields to any sign that the program means something else.
    pub soft: bool,
}

impl Macro {
    /// The definition in `text[from..end]`, the part of a `#define` after the name.
    pub(super) fn parse(text: &[u8], name: Symbol, from: u32, end: u32, cpp: bool) -> Macro {
        let text = text.get(..end as usize).unwrap_or(text);
        let mut lexer = Lexer::at(text, from as usize, 1, cpp);
        let mut params = Vec::new();
        let mut variadic = false;
        let mut ahead = lexer.clone();
        let open = ahead.next_token();
        let function_like = open.kind == TokenKind::LParen && open.start == from;
        if function_like {
            lexer = ahead;
            variadic = parameters(&mut lexer, &mut params);
        }
        let mut made = Macro {
            name,
            function_like,
            params: params.len() as u16,
            variadic,
            body: Vec::new(),
            operators: false,
            builtin: None,
            soft: false,
        };
        made.read_body(&mut lexer, &params);
        made
    }

    /// A macro of the preprocessor's own.
    pub(super) fn builtin(name: Symbol, builtin: Option<Builtin>) -> Macro {
        Macro {
            name,
            function_like: builtin.is_none(),
            params: u16::from(builtin.is_none()),
            variadic: builtin.is_none(),
            body: Vec::new(),
            operators: false,
            builtin,
            soft: false,
        }
    }

    fn read_body(&mut self, lexer: &mut Lexer<'_>, params: &[Symbol]) {
        loop {
            let lexeme = lexer.next_token();
            if lexeme.kind == TokenKind::Eof {
                break;
            }
            let text = lexer.spelling(&lexeme);
            let flags = if lexeme.space { SPACE } else { 0 };
            let param = match lexeme.kind {
                TokenKind::Ident => params.iter().position(|&p| p == text).map_or(NO_PARAM, |at| at as u16),
                _ => NO_PARAM,
            };
            self.operators |= lexeme.kind == TokenKind::HashHash;
            self.body.push(BodyTok { tok: Tok { kind: lexeme.kind, text, flags }, param });
        }
        if let Some(first) = self.body.first_mut() {
            first.tok.flags &= !SPACE;
        }
    }

    /// Its replacement begins as no declarator can: `do`, a number, `({`, `((void)`, `NULL`.
    pub(super) fn replaces_a_function(&self) -> bool {
        let mut kinds = self.body.iter().map(|b| b.tok);
        let Some(first) = kinds.next() else { return false };
        match first.kind {
            TokenKind::Number => true,
            TokenKind::Ident => matches!(first.text.as_str(), "do" | "NULL"),
            TokenKind::LParen => match (kinds.next(), kinds.next()) {
                (Some(second), _) if second.kind == TokenKind::LBrace => true,
                (Some(second), Some(third)) => second.kind == TokenKind::LParen && third.text == "void",
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a definition of a keyword does no harm: it removes the word or puts another
    /// specifier in its place.
    pub(super) fn harmless_for_keyword(&self) -> bool {
        !self.function_like
            && self.body.len() <= 8
            && self.body.iter().all(|b| {
                matches!(b.tok.kind, TokenKind::LParen | TokenKind::RParen)
                    || (b.tok.kind == TokenKind::Ident && !is_core_keyword(b.tok.text))
            })
    }
}

/// Reads up to the closing parenthesis; true if the last parameter is variadic.
fn parameters(lexer: &mut Lexer<'_>, params: &mut Vec<Symbol>) -> bool {
    let mut variadic = false;
    let mut after_name = false;
    loop {
        let lexeme = lexer.next_token();
        match lexeme.kind {
            TokenKind::RParen | TokenKind::Eof => return variadic,
            TokenKind::Ident if params.len() < usize::from(NO_PARAM) => {
                params.push(lexer.spelling(&lexeme));
                after_name = true;
            }
            TokenKind::Ellipsis => {
                if !after_name {
                    params.push(names().va_args);
                }
                variadic = true;
            }
            _ => after_name = false,
        }
    }
}

/// Words that the preprocessor knows.
pub(super) struct Names {
    pub va_args: Symbol,
    pub va_opt: Symbol,
    pub defined: Symbol,
    pub has_include: Symbol,
    pub has_include_next: Symbol,
    pub r#true: Symbol,
    pub extern_c: Symbol,
    pub r#extern: Symbol,
}

pub(super) fn names() -> &'static Names {
    static NAMES: OnceLock<Names> = OnceLock::new();
    NAMES.get_or_init(|| Names {
        va_args: Symbol::new("__VA_ARGS__"),
        va_opt: Symbol::new("__VA_OPT__"),
        defined: Symbol::new("defined"),
        has_include: Symbol::new("__has_include"),
        has_include_next: Symbol::new("__has_include_next"),
        r#true: Symbol::new("true"),
        extern_c: Symbol::new("\"C\""),
        r#extern: Symbol::new("extern"),
    })
}

/// Keywords that give code its structure: no macro of that name is ever believed.
pub(super) fn is_core_keyword(name: Symbol) -> bool {
    matches!(
        name.as_str(),
        "if" | "else"
            | "for"
            | "while"
            | "do"
            | "switch"
            | "case"
            | "default"
            | "break"
            | "continue"
            | "return"
            | "goto"
            | "sizeof"
            | "struct"
            | "union"
            | "enum"
            | "typedef"
            | "void"
            | "char"
            | "short"
            | "int"
            | "long"
            | "float"
            | "double"
            | "unsigned"
            | "defined"
    )
}

/// Keywords that a program may define away: qualifiers, storage classes, GNU spellings.
pub(super) fn is_soft_keyword(name: Symbol) -> bool {
    matches!(
        name.as_str(),
        "inline" | "const" | "volatile" | "restrict" | "register" | "signed" | "static" | "extern" | "auto"
            | "asm" | "typeof" | "bool" | "_Bool" | "_Noreturn" | "_Thread_local" | "_Atomic" | "_Alignas"
            | "__inline" | "__inline__" | "__const" | "__volatile__" | "__restrict" | "__restrict__"
            | "__extension__" | "__attribute__"
            // C++
            | "class" | "new" | "delete" | "this" | "private" | "public" | "protected" | "template" | "operator"
            | "try" | "catch" | "throw" | "using" | "namespace" | "virtual"
    )
}
