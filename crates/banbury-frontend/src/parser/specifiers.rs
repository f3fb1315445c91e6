//! Declaration specifiers: storage, qualifiers, attributes, and the type they add up to.

use banbury_base::Symbol;

use crate::ast::{Builtin, DeclSpecs, TypeExpr};
use crate::token::TokenKind;

use super::keyword::Kw;
use super::names::{NameClass, is_all_caps, is_attribute_like, is_qualifier_like};
use super::{Fail, PResult, Parser};

/// Where a declaration stands; decides what a lone unknown name is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    File,
    Block,
    Field,
    Parameter,
    TypeName,
}

/// What attributes say.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) names: Vec<Symbol>,
    pub(super) noreturn: bool,
    pub(super) packed: bool,
}

/// Counts the words of an arithmetic type.
#[derive(Default)]
struct Arithmetic {
    signed: bool,
    unsigned: bool,
    longs: u8,
    short: bool,
    core: Option<Kw>,
    any: bool,
}

impl Arithmetic {
    fn add(&mut self, kw: Kw) {
        self.any = true;
        match kw {
            Kw::Signed => self.signed = true,
            Kw::Unsigned => self.unsigned = true,
            Kw::Long => self.longs += 1,
            Kw::Short => self.short = true,
            Kw::Complex => {}
            Kw::Int if self.core.is_some() => {}
            _ => self.core = Some(kw),
        }
    }

    fn builtin(&self) -> Builtin {
        let pick = |signed, unsigned| if self.unsigned { unsigned } else { signed };
        match self.core {
            Some(Kw::Void) => Builtin::Void,
            Some(Kw::Bool) => Builtin::Bool,
            Some(Kw::WChar) => Builtin::WChar,
            Some(Kw::Char) if self.unsigned => Builtin::UChar,
            Some(Kw::Char) if self.signed => Builtin::SChar,
            Some(Kw::Char) => Builtin::Char,
            Some(Kw::Float) => Builtin::Float,
            Some(Kw::Double) if self.longs > 0 => Builtin::LongDouble,
            Some(Kw::Double) => Builtin::Double,
            Some(Kw::LongDouble) => Builtin::LongDouble,
            Some(Kw::Int128) => pick(Builtin::Int128, Builtin::UInt128),
            _ if self.short => pick(Builtin::Short, Builtin::UShort),
            _ if self.longs > 1 => pick(Builtin::LongLong, Builtin::ULongLong),
            _ if self.longs == 1 => pick(Builtin::Long, Builtin::ULong),
            _ => pick(Builtin::Int, Builtin::UInt),
        }
    }
}

/// What a name among the specifiers is.
enum Word {
    Type,
    /// `FOO(args)` in place of a type.
    MacroType,
    Attribute,
    Declarator,
}

impl Parser<'_> {
    /// Specifiers up to the declarator. Fails if there are none at all.
    pub(super) fn specifiers(&mut self, place: Place) -> PResult<(DeclSpecs, TypeExpr)> {
        let start = self.pos;
        let mut specs = DeclSpecs::default();
        let mut attributes = Attributes::default();
        let mut arithmetic = Arithmetic::default();
        let mut ty: Option<TypeExpr> = None;
        let mut auto = false;
        loop {
            match self.kind() {
                TokenKind::Ident => {}
                TokenKind::LBracket if self.at_bracket_attribute() => {
                    self.attribute(&mut attributes);
                    continue;
                }
                _ => break,
            }
            let kw = self.kw();
            match kw {
                _ if kw.is_name() => {
                    let has_type = ty.is_some() || arithmetic.any;
                    if !self.name_specifier(place, has_type, self.pos > start, &mut ty) {
                        break;
                    }
                    continue;
                }
                Kw::Typedef => specs.is_typedef = true,
                Kw::Static => specs.is_static = true,
                Kw::Extern => specs.is_extern = true,
                Kw::Inline => specs.is_inline = true,
                Kw::Noreturn => specs.is_noreturn = true,
                Kw::Const => specs.is_const = true,
                Kw::Auto => auto = true,
                Kw::Register | Kw::Thread | Kw::Qualifier | Kw::Extension | Kw::CallConv => {}
                Kw::Attribute | Kw::Declspec | Kw::Alignas => {
                    self.attribute(&mut attributes);
                    continue;
                }
                Kw::Atomic if self.kind_at(self.pos + 1) == TokenKind::LParen => {
                    self.pos += 1;
                    ty = Some(self.nested(Self::parenthesised_type)?.flattened());
                    continue;
                }
                Kw::Atomic => {}
                Kw::AutoType => ty = Some(TypeExpr::TypeOf(None)),
                Kw::Struct | Kw::Union if ty.is_none() => {
                    ty = Some(self.nested(|p| p.record(place))?);
                    continue;
                }
                Kw::Enum if ty.is_none() => {
                    ty = Some(self.nested(|p| p.enumeration(place))?);
                    continue;
                }
                Kw::Typeof if ty.is_none() => {
                    ty = Some(self.nested(Self::type_of)?);
                    continue;
                }
                // `typedef int bool;`
                Kw::Bool | Kw::WChar if ty.is_some() || arithmetic.any => break,
                _ if kw.is_type() && ty.is_none() => {
                    if kw == Kw::Int128 {
                        arithmetic.unsigned |= self.token(self.pos).text == "__uint128_t";
                    }
                    arithmetic.add(kw);
                }
                _ => break,
            }
            self.pos += 1;
        }
        // `main() { }` has none, and returns int.
        let calls = self.is_name(start) && self.kind_at(start + 1) == TokenKind::LParen;
        if self.pos == start && !(place == Place::File && calls) {
            return Err(Fail("expected a declaration"));
        }
        specs.is_noreturn |= attributes.noreturn;
        specs.attributes = attributes.names;
        let ty = match ty {
            Some(TypeExpr::Record(mut record)) => {
                record.packed |= attributes.packed;
                TypeExpr::Record(record)
            }
            Some(ty) => ty,
            None if arithmetic.any => TypeExpr::Builtin(arithmetic.builtin()),
            None if auto => TypeExpr::TypeOf(None),
            None => TypeExpr::Builtin(Builtin::Int),
        };
        Ok((specs, ty))
    }

    /// Deals with a name among the specifiers; false if it belongs to the declarator.
    fn name_specifier(
        &mut self,
        place: Place,
        has_type: bool,
        has_specifiers: bool,
        ty: &mut Option<TypeExpr>,
    ) -> bool {
        if has_type {
            if !self.is_word_behind_type(place) {
                return false;
            }
            self.pos += 1;
            self.skip_parens();
            return true;
        }
        match self.word(place, has_specifiers) {
            Word::Type => *ty = Some(TypeExpr::Named(self.bump().text)),
            Word::MacroType => {
                let close = self.partner(self.pos + 1);
                *ty = Some(self.macro_type());
                self.pos = close.map_or(self.pos, |close| close + 1);
            }
            Word::Attribute => {
                self.pos += 1;
                self.skip_parens();
            }
            Word::Declarator => return false,
        }
        true
    }

    /// `EXPORT(const char *)` stands for the type it is given; of other macros nothing is known.
    fn macro_type(&mut self) -> TypeExpr {
        let close = self.partner(self.pos + 1);
        self.pos += 2;
        let kw = self.kw();
        if kw.is_type() || kw.is_qualifier() {
            let parsed = self.nested(Self::type_name);
            if let Ok(ty) = parsed
                && Some(self.pos) == close
            {
                return ty.flattened();
            }
        }
        TypeExpr::Unknown
    }

    /// With the type already known: a word that stands for an attribute.
    fn is_word_behind_type(&self, place: Place) -> bool {
        let at = self.pos;
        match self.kind_at(at + 1) {
            TokenKind::Ident => {
                let next = self.kw_at(at + 1);
                let only_line = self.starts_line(at + 1) && place != Place::Parameter;
                if only_line && (place != Place::File || next.is_type()) {
                    return false;
                }
                next.is_name() && !self.is_trailing_pair(at) || next.is_qualifier() || next.is_type()
            }
            TokenKind::Star => true,
            TokenKind::LParen => {
                let after = self.after_partner(at + 1);
                let names_follow = self.is_name(after) || self.kind_at(after) == TokenKind::Star;
                names_follow
                    && is_attribute_like(self.token(at).text)
                    && self.kind_at(at + 2) != TokenKind::Star
                    && !self.kw_at(at + 2).starts_declaration()
            }
            TokenKind::RParen => place == Place::TypeName,
            _ => false,
        }
    }

    /// `name WORD ;`: the second word is the attribute (`int x __read_mostly = 1`).
    fn is_trailing_pair(&self, at: usize) -> bool {
        use TokenKind::{Comma, Eq, LBrace, RParen, Semi};
        matches!(self.kind_at(at + 2), Semi | Eq | Comma | LBrace | RParen)
            && is_attribute_like(self.token(at + 1).text)
            && !is_attribute_like(self.token(at).text)
    }

    /// What the name at the current position is, no type having been seen.
    fn word(&mut self, place: Place, has_specifiers: bool) -> Word {
        let at = self.pos;
        let class = self.class_at(at, self.token(at).text);
        match self.kind_at(at + 1) {
            TokenKind::Ident => self.word_before_word(at, class, place),
            TokenKind::Star => Word::Type,
            TokenKind::LParen => self.word_before_parens(at, class, place),
            TokenKind::LBracket if self.is_bracket_attribute(at + 1) => Word::Type,
            _ if matches!(place, Place::Parameter | Place::TypeName) => Word::Type,
            TokenKind::Semi | TokenKind::Colon if class == NameClass::Type => Word::Type,
            _ if has_specifiers => Word::Declarator,
            TokenKind::Semi if place == Place::Field => Word::Type,
            _ => Word::Declarator,
        }
    }

    fn word_before_word(&mut self, at: usize, class: NameClass, place: Place) -> Word {
        let next = self.kw_at(at + 1);
        if next.is_name() {
            return self.word_before_name(at, class, place);
        }
        if next.is_type() || next.is_storage() && class != NameClass::Type || next == Kw::Extension {
            return match class {
                // `uint foo_t bool;` cannot be, but `foo_t bool;` is a declaration of `bool`.
                NameClass::Type if matches!(next, Kw::Bool | Kw::WChar) => Word::Type,
                _ => Word::Attribute,
            };
        }
        if next.is_qualifier() || next == Kw::Attribute || next == Kw::Declspec || next == Kw::CallConv {
            if class == NameClass::Type {
                return Word::Type;
            }
            let mut after = at + 1;
            while self.kw_at(after).is_qualifier() || self.kw_at(after) == Kw::CallConv {
                after += 1;
            }
            if matches!(self.kw_at(after), Kw::Attribute | Kw::Declspec) {
                after = self.after_partner(after + 1);
            }
            let types_follow = self.kw_at(after).starts_declaration()
                || self.is_name(after)
                    && (self.is_name(after + 1) || self.kind_at(after + 1) == TokenKind::Star);
            return if types_follow { Word::Attribute } else { Word::Type };
        }
        if next.is_storage() { Word::Type } else { Word::Declarator }
    }

    /// `A B ...`, both without a fixed meaning.
    fn word_before_name(&mut self, at: usize, class: NameClass, place: Place) -> Word {
        if class == NameClass::Type {
            return Word::Type;
        }
        let (first, second) = (self.token(at).text, self.token(at + 1).text);
        let more = self.kind_at(at + 2);
        let names_follow =
            more == TokenKind::Star || self.is_name(at + 2) || self.kw_at(at + 2).is_qualifier();
        if names_follow && self.class_at(at + 1, second) == NameClass::Type {
            return Word::Attribute;
        }
        match more {
            // `(__force type)`: a type name declares nothing, so the last word is the type.
            _ if place == Place::TypeName && !is_qualifier_like(second) => Word::Attribute,
            TokenKind::Ident if self.kw_at(at + 2).is_type() || self.kw_at(at + 2).is_storage() => {
                Word::Attribute
            }
            TokenKind::Ident if names_follow => {
                if is_attribute_like(second) && !is_attribute_like(first) {
                    Word::Type
                } else {
                    Word::Attribute
                }
            }
            TokenKind::Star if second.as_str().starts_with("__") && !first.as_str().starts_with("__") => {
                Word::Type
            }
            TokenKind::Star => Word::Attribute,
            TokenKind::LParen => {
                let after = self.after_partner(at + 2);
                match self.kind_at(after) {
                    TokenKind::Star => Word::Attribute,
                    _ => Word::Type,
                }
            }
            _ => Word::Type,
        }
    }

    /// `A(...) ...`
    fn word_before_parens(&mut self, at: usize, class: NameClass, place: Place) -> Word {
        let after = self.after_partner(at + 1);
        if self.kind_at(at + 2) == TokenKind::Star
            && matches!(self.kind_at(after), TokenKind::LParen | TokenKind::LBracket)
        {
            return Word::Type;
        }
        if class == NameClass::Type && self.kind_at(after) != TokenKind::Star && !self.is_name(after) {
            return Word::Type;
        }
        match self.kind_at(after) {
            TokenKind::Star => Word::MacroType,
            TokenKind::Ident => {
                let kw = self.kw_at(after);
                if self.is_old_style(at + 1) {
                    return Word::Declarator;
                }
                if !kw.is_name() {
                    return if kw.starts_declaration() { Word::Attribute } else { Word::Declarator };
                }
                match self.kind_at(after + 1) {
                    TokenKind::Ident | TokenKind::Star => Word::Attribute,
                    // `static foo(int x) ATTRIBUTE;`
                    TokenKind::Semi if is_all_caps(self.token(after).text) => Word::Declarator,
                    _ => Word::MacroType,
                }
            }
            TokenKind::RParen | TokenKind::Comma if matches!(place, Place::Parameter | Place::TypeName) => {
                Word::MacroType
            }
            _ => Word::Declarator,
        }
    }

    /// `typeof(expr)`, `typeof(type)`
    fn type_of(&mut self) -> PResult<TypeExpr> {
        self.pos += 1;
        if self.kind() != TokenKind::LParen {
            return Err(Fail("expected `(` behind typeof"));
        }
        if self.type_in_parens(self.pos) {
            return Ok(self.parenthesised_type()?.flattened());
        }
        self.pos += 1;
        let operand = self.expr()?;
        self.expect(TokenKind::RParen, "expected `)` behind typeof")?;
        Ok(TypeExpr::TypeOf(Some(Box::new(operand))))
    }

    pub(super) fn at_bracket_attribute(&self) -> bool {
        self.is_bracket_attribute(self.pos)
    }

    /// `[[`
    pub(super) fn is_bracket_attribute(&self, at: usize) -> bool {
        self.kind_at(at) == TokenKind::LBracket && self.kind_at(at + 1) == TokenKind::LBracket
    }

    /// Takes one attribute of any form.
    pub(super) fn attribute(&mut self, attributes: &mut Attributes) {
        let kw = self.kw();
        attributes.noreturn |= kw == Kw::Noreturn;
        self.pos += 1;
        let open = match self.kind() {
            TokenKind::LParen => self.pos,
            TokenKind::LBracket if kw == Kw::None => self.pos - 1,
            _ => return,
        };
        let end = self.after_partner(open);
        if kw != Kw::Alignas && kw != Kw::CallConv {
            self.attribute_names(open + 1, end, attributes);
        }
        self.pos = end;
    }

    fn attribute_names(&self, from: usize, end: usize, attributes: &mut Attributes) {
        let mut at = from;
        while at < end {
            match self.kind_at(at) {
                TokenKind::Ident => {
                    self.attribute_name(at, attributes);
                    at += 1;
                    // Its arguments are not attributes.
                    if self.kind_at(at) == TokenKind::LParen {
                        at = self.after_partner(at);
                    }
                }
                _ => at += 1,
            }
        }
    }

    fn attribute_name(&self, at: usize, attributes: &mut Attributes) {
        let written = self.token(at).text;
        let text = written.as_str();
        let name = text.strip_prefix("__").and_then(|t| t.strip_suffix("__")).unwrap_or(text);
        match name {
            "noreturn" | "_Noreturn" => attributes.noreturn = true,
            "packed" => attributes.packed = true,
            _ => {}
        }
        attributes.names.push(if name.len() == text.len() { written } else { Symbol::new(name) });
    }
}
