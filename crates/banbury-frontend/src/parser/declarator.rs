//! Declarators: what is wrapped around the specifiers' type, from the name outwards.

use banbury_base::{Span, Symbol};
use smallvec::SmallVec;

use crate::ast::{Expr, Param, TypeExpr};
use crate::token::TokenKind;

use super::keyword::Kw;
use super::names::{NameClass, is_attribute_like};
use super::specifiers::{Attributes, Place};
use super::{Fail, PResult, Parser};

/// Pointers, array bounds and parameter lists around one name.
const MAX_LAYERS: usize = 100;

/// Whether a declarator has a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Required,
    Optional,
    Forbidden,
}

pub(super) enum Layer {
    Pointer,
    Array(Option<Box<Expr>>),
    Function(Vec<Param>, bool),
}

/// A parsed declarator, still without the type it is applied to.
pub(super) struct ParsedDeclarator {
    pub(super) name: Symbol,
    pub(super) span: Span,
    /// From the name outwards.
    pub(super) layers: SmallVec<[Layer; 3]>,
    pub(super) attributes: Attributes,
}

impl ParsedDeclarator {
    pub(super) fn is_function(&self) -> bool {
        matches!(self.layers.first(), Some(Layer::Function(..)))
    }

    /// The declared type, given that of the specifiers.
    pub(super) fn ty_over(self, base: TypeExpr) -> TypeExpr {
        wrap(self.layers, base)
    }
}

pub(super) fn wrap(layers: SmallVec<[Layer; 3]>, base: TypeExpr) -> TypeExpr {
    layers.into_iter().rev().fold(base, |ty, layer| match layer {
        Layer::Pointer => TypeExpr::Pointer(Box::new(ty)),
        Layer::Array(count) => TypeExpr::Array(Box::new(ty), count),
        Layer::Function(params, variadic) => TypeExpr::Function { ret: Box::new(ty), params, variadic },
    })
}

impl Parser<'_> {
    pub(super) fn declarator(&mut self, names: Names) -> PResult<ParsedDeclarator> {
        let mut parsed = ParsedDeclarator {
            name: Symbol::EMPTY,
            span: self.span_at(self.pos),
            layers: SmallVec::new(),
            attributes: Attributes::default(),
        };
        self.declarator_into(names, &mut parsed)?;
        if parsed.name.is_empty() && names == Names::Required {
            return Err(Fail("expected a name in a declaration"));
        }
        self.trailing_attributes(&mut parsed.attributes, names);
        Ok(parsed)
    }

    fn declarator_into(&mut self, names: Names, parsed: &mut ParsedDeclarator) -> PResult<()> {
        let pointers = self.pointers(names, &mut parsed.attributes);
        match self.kind() {
            TokenKind::LParen if self.is_nested_declarator(names) => {
                self.pos += 1;
                self.nested(|p| p.declarator_into(names, parsed))?;
                self.expect(TokenKind::RParen, "expected `)` in a declarator")?;
            }
            TokenKind::Ident if names != Names::Forbidden && self.declares_name() => {
                let token = self.bump();
                parsed.name = token.text;
                parsed.span = self.span(&token);
            }
            _ => {}
        }
        self.declarator_suffixes(names, parsed)?;
        if parsed.layers.len() + pointers > MAX_LAYERS {
            return Err(Fail("a declarator has too many parts"));
        }
        parsed.layers.extend((0..pointers).map(|_| Layer::Pointer));
        Ok(())
    }

    /// A name, or a keyword of another dialect used as one (`int bool;`).
    fn declares_name(&self) -> bool {
        self.kw().is_name() || matches!(self.kw(), Kw::Bool | Kw::WChar | Kw::Noreturn | Kw::StaticAssert)
    }

    /// Counts `*` and skips what qualifies them.
    fn pointers(&mut self, names: Names, attributes: &mut Attributes) -> usize {
        let mut count = 0;
        loop {
            match self.kind() {
                TokenKind::Star => {
                    count += 1;
                    self.pos += 1;
                }
                // Apple's blocks
                TokenKind::Caret => {
                    count += 1;
                    self.pos += 1;
                }
                TokenKind::Ident => match self.kw() {
                    Kw::Const | Kw::Qualifier | Kw::CallConv | Kw::Atomic => self.pos += 1,
                    Kw::Attribute | Kw::Declspec => self.attribute(attributes),
                    kw if kw.is_name() && self.is_pointer_word(names) => self.pos += 1,
                    _ => return count,
                },
                TokenKind::LBracket if self.at_bracket_attribute() => self.attribute(attributes),
                _ => return count,
            }
        }
    }

    /// A word between `*` and the name that qualifies the pointer: `* __user p`.
    fn is_pointer_word(&self, names: Names) -> bool {
        let at = self.pos;
        let next_is_name = self.is_name(at + 1) || self.kw_at(at + 1).is_qualifier();
        match self.kind_at(at + 1) {
            TokenKind::Ident => {
                next_is_name
                    && (names == Names::Forbidden
                        || !is_attribute_like(self.token(at + 1).text)
                        || is_attribute_like(self.token(at).text))
            }
            TokenKind::Star => true,
            TokenKind::RParen => names == Names::Forbidden,
            _ => false,
        }
    }

    /// The `(` here groups a declarator rather than listing parameters.
    fn is_nested_declarator(&mut self, names: Names) -> bool {
        let at = self.pos + 1;
        match self.kind_at(at) {
            TokenKind::Star | TokenKind::Caret => true,
            TokenKind::LParen => names != Names::Forbidden || self.kind_at(at + 1) == TokenKind::Star,
            TokenKind::LBracket => !self.is_bracket_attribute(at),
            TokenKind::Ident => match self.kw_at(at) {
                Kw::CallConv => true,
                Kw::Attribute => {
                    names != Names::Forbidden && {
                        let after = self.after_partner(at + 1);
                        self.kind_at(after) == TokenKind::Star || self.is_name(after)
                    }
                }
                kw if kw.is_name() && names != Names::Forbidden => self.groups_name(at, names),
                // `(WINAPI *)`
                kw if kw.is_name() => {
                    self.kind_at(at + 1) == TokenKind::Star
                        && self.kind_at(at + 2) == TokenKind::RParen
                        && self.kind_at(at + 3) == TokenKind::LParen
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// `(name)`, `(name[3])`, `(WORD *name)`, `(name)(params)`: but `(type)`, `(type name)` are
    /// parameters.
    fn groups_name(&mut self, at: usize, names: Names) -> bool {
        let name = self.token(at).text;
        match self.kind_at(at + 1) {
            TokenKind::RParen => {
                let class = self.class_at(at, name);
                let has_params = self.kind_at(at + 2) == TokenKind::LParen;
                match names {
                    Names::Required => class != NameClass::Type || has_params,
                    _ => class != NameClass::Type && has_params,
                }
            }
            TokenKind::LParen | TokenKind::LBracket => {
                names == Names::Required && self.class_at(at, name) != NameClass::Type
            }
            // `(WINAPI *name)(...)`
            TokenKind::Star => {
                self.is_name(at + 2)
                    && matches!(self.kind_at(at + 3), TokenKind::RParen)
                    && self.kind_at(at + 4) == TokenKind::LParen
                    && self.class_at(at, name) != NameClass::Type
            }
            _ => false,
        }
    }

    fn declarator_suffixes(&mut self, names: Names, parsed: &mut ParsedDeclarator) -> PResult<()> {
        loop {
            match self.kind() {
                TokenKind::LBracket if self.at_bracket_attribute() => self.attribute(&mut parsed.attributes),
                TokenKind::LBracket => {
                    let count = self.nested(Self::array_bound)?;
                    parsed.layers.push(Layer::Array(count));
                }
                TokenKind::LParen => {
                    if names == Names::Forbidden && !self.lists_parameters(self.pos) {
                        return Ok(());
                    }
                    let (params, variadic) = self.nested(Self::parameters)?;
                    parsed.layers.push(Layer::Function(params, variadic));
                }
                _ => return Ok(()),
            }
            if parsed.layers.len() > MAX_LAYERS {
                return Err(Fail("a declarator has too many parts"));
            }
        }
    }

    /// In an abstract declarator, `(` opens parameters if types follow.
    fn lists_parameters(&self, open: usize) -> bool {
        self.kind_at(open + 1) == TokenKind::RParen
            || self.kw_at(open + 1).starts_declaration()
            || self.is_name(open + 1)
    }

    fn array_bound(&mut self) -> PResult<Option<Box<Expr>>> {
        let open = self.pos;
        self.pos += 1;
        while self.kw().is_qualifier() || self.kw() == Kw::Static {
            self.pos += 1;
        }
        if self.eat(TokenKind::RBracket) {
            return Ok(None);
        }
        if self.kind() == TokenKind::Star && self.kind_at(self.pos + 1) == TokenKind::RBracket {
            self.pos += 2;
            return Ok(None);
        }
        let start = self.pos;
        let count = self.assign();
        match count {
            Ok(count) if self.eat(TokenKind::RBracket) => Ok(Some(Box::new(count))),
            _ => {
                self.note_error(start, "an array bound did not parse");
                self.pos = self.partner(open).ok_or(Fail("`[` is not closed"))? + 1;
                Ok(None)
            }
        }
    }

    /// `( ... )` behind a declared name.
    fn parameters(&mut self) -> PResult<(Vec<Param>, bool)> {
        let close = self.partner(self.pos).ok_or(Fail("`(` is not closed"))?;
        self.pos += 1;
        let mut params = Vec::new();
        let mut variadic = false;
        if self.kw() == Kw::Void && self.pos + 1 == close {
            self.pos = close + 1;
            return Ok((params, false));
        }
        while self.pos < close {
            match self.kind() {
                TokenKind::Ellipsis => {
                    variadic = true;
                    self.pos += 1;
                }
                TokenKind::Comma => self.pos += 1,
                _ => params.push(self.parameter(close)),
            }
        }
        self.pos = close + 1;
        Ok((params, variadic))
    }

    /// One parameter; what is none is kept by its last name.
    fn parameter(&mut self, close: usize) -> Param {
        let start = self.pos;
        let parsed = self.well_formed_parameter();
        if let Ok(param) = parsed
            && (self.pos == close || self.kind() == TokenKind::Comma)
        {
            return param;
        }
        self.pos = start;
        self.skip_to_separator();
        if self.pos < close && self.kind() != TokenKind::Comma {
            self.pos = close;
        }
        let last = (start..self.pos.min(close)).rev().find(|&at| self.is_name(at));
        let name = last.map_or(Symbol::EMPTY, |at| self.token(at).text);
        let span = self.span_at(last.unwrap_or(start));
        self.pos = self.pos.max(start + 1).min(close);
        Param { name, span, base: TypeExpr::Unknown, ty: TypeExpr::Base }
    }

    fn well_formed_parameter(&mut self) -> PResult<Param> {
        let (_, base) = self.specifiers(Place::Parameter)?;
        let parsed = self.declarator(Names::Optional)?;
        let (name, span) = (parsed.name, parsed.span);
        Ok(Param { name, span, base, ty: parsed.ty_over(TypeExpr::Base) })
    }

    /// Attributes and `asm("name")` behind a declarator, and words that stand for them.
    pub(super) fn trailing_attributes(&mut self, attributes: &mut Attributes, names: Names) {
        loop {
            match self.kind() {
                TokenKind::Ident => match self.kw() {
                    Kw::Attribute | Kw::Declspec | Kw::Noreturn | Kw::CallConv => self.attribute(attributes),
                    Kw::Asm => {
                        self.pos += 1;
                        self.skip_parens();
                    }
                    kw if kw.is_name() && names != Names::Forbidden => {
                        if !self.is_trailing_word() {
                            return;
                        }
                        self.pos += 1;
                        self.skip_parens();
                    }
                    _ => return,
                },
                TokenKind::LBracket if self.at_bracket_attribute() => self.attribute(attributes),
                _ => return,
            }
        }
    }

    /// A macro between declarator and `;`, `=`, `{` ...: `int x __read_mostly = 1;`
    fn is_trailing_word(&self) -> bool {
        let mut at = self.pos;
        // Several may follow each other.
        for _ in 0..8 {
            if !self.is_name(at) {
                return self.kw_at(at) == Kw::Attribute;
            }
            at += 1;
            if self.kind_at(at) == TokenKind::LParen {
                at = self.after_partner(at);
            }
            if matches!(
                self.kind_at(at),
                TokenKind::Semi
                    | TokenKind::Eq
                    | TokenKind::LBrace
                    | TokenKind::Comma
                    | TokenKind::RParen
                    | TokenKind::Colon
            ) {
                return true;
            }
        }
        false
    }
}
