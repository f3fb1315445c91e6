//! Type specifiers and declarators.

use banbury_base::{Span, Symbol};
use tree_sitter::Node;

use super::names::Name;
use super::{Converter, Kind};
use crate::ast::{Builtin, EnumSpec, ExprKind, Param, TypeExpr, TypeName};

/// What a declarator declares.
pub(super) struct Declared {
    pub name: Name,
    pub span: Span,
    pub ty: TypeExpr,
    /// Names of a structured binding.
    pub bindings: Vec<(Symbol, Span)>,
    /// `override` or `final` was said.
    pub overrides: bool,
}

impl<'t> Converter<'t> {
    /// A type specifier. A record or enumeration that is defined here comes with its definition.
    pub(super) fn type_spec(&mut self, node: Node<'t>) -> TypeExpr {
        if self.depth >= super::MAX_DEPTH {
            return TypeExpr::Unknown;
        }
        self.depth += 1;
        let ty = self.type_spec_inner(node);
        self.depth -= 1;
        ty
    }

    fn type_spec_inner(&mut self, node: Node<'t>) -> TypeExpr {
        match self.kind(node) {
            Kind::PrimitiveType | Kind::TypeIdentifier | Kind::Identifier => {
                let name = self.source.symbol(node);
                match builtin(name.as_str()) {
                    Some(builtin) => TypeExpr::Builtin(builtin),
                    None => TypeExpr::Named(self.class_name(node).full()),
                }
            }
            Kind::SizedType => sized(&self.source.text(node)),
            Kind::QualifiedIdentifier | Kind::TemplateType => self.named_type(node),
            Kind::StructSpecifier | Kind::ClassSpecifier | Kind::UnionSpecifier => {
                TypeExpr::Record(Box::new(self.record(node)))
            }
            Kind::EnumSpecifier => TypeExpr::Enum(Box::new(self.enumeration(node))),
            Kind::PlaceholderType => TypeExpr::TypeOf(None),
            Kind::Decltype => {
                let inner = self.first(node).map(|inner| Box::new(self.expr(inner)));
                TypeExpr::TypeOf(inner)
            }
            Kind::DependentType => match self.first(node) {
                Some(inner) => self.type_spec(inner),
                None => TypeExpr::Unknown,
            },
            Kind::TypeDescriptor => {
                let name = self.type_name(node);
                name.ty.with_base(&name.base)
            }
            _ => TypeExpr::Unknown,
        }
    }

    fn named_type(&mut self, node: Node<'t>) -> TypeExpr {
        let name = self.class_name(node).full();
        let mut last = node;
        while self.kind(last) == Kind::QualifiedIdentifier {
            let Some(inner) = self.field(last, self.f.name) else { break };
            last = inner;
        }
        if self.kind(last) != Kind::TemplateType {
            return TypeExpr::Named(name);
        }
        let arguments = self.field(last, self.f.arguments);
        let arguments = arguments.map(|a| self.type_arguments(a)).unwrap_or_default();
        TypeExpr::Template(name, arguments)
    }

    /// Types as they are; a value (`std::array<int, 8>`) as the type of its expression.
    pub(super) fn type_arguments(&mut self, node: Node<'t>) -> Vec<TypeExpr> {
        let arguments = self.children(node);
        let convert = |(_, argument)| match self.kind(argument) {
            Kind::TypeDescriptor => self.type_spec(argument),
            _ => TypeExpr::TypeOf(Some(Box::new(self.expr(argument)))),
        };
        arguments.into_iter().map(convert).collect()
    }

    fn enumeration(&mut self, node: Node<'t>) -> EnumSpec {
        let tag = self.field(node, self.f.name).map_or(Symbol::EMPTY, |name| self.name(name).last);
        self.types.insert(tag);
        let scoped = self.has_token(node, "class") || self.has_token(node, "struct");
        let Some(body) = self.field(node, self.f.body) else {
            return EnumSpec { tag, span: self.span(node), constants: None };
        };
        let mut constants = Vec::new();
        for (_, child) in self.children(body) {
            if self.kind(child) != Kind::Enumerator {
                continue;
            }
            let Some(name) = self.field(child, self.f.name) else { continue };
            let mut name = self.source.symbol(name);
            if scoped {
                name = Symbol::new(&format!("{tag}::{name}"));
            }
            let value = self.field(child, self.f.value).map(|value| self.expr(value));
            constants.push((name, value));
        }
        EnumSpec { tag, span: self.span(node), constants: Some(constants) }
    }

    /// `type_descriptor`: a type without a name, as in casts.
    pub(super) fn type_name(&mut self, node: Node<'t>) -> TypeName {
        if self.kind(node) != Kind::TypeDescriptor {
            return TypeName { base: self.type_spec(node), ty: TypeExpr::Base };
        }
        let base = self.field(node, self.f.ty).map_or(TypeExpr::Unknown, |ty| self.type_spec(ty));
        let ty = match self.field(node, self.f.declarator) {
            Some(declarator) => self.declarator(declarator, TypeExpr::Base).ty,
            None => TypeExpr::Base,
        };
        TypeName { base, ty }
    }

    /// A declarator of any sort, named or abstract, around `ty`.
    pub(super) fn declarator(&mut self, node: Node<'t>, ty: TypeExpr) -> Declared {
        if self.depth >= super::MAX_DEPTH {
            return self.unnamed(node, TypeExpr::Unknown);
        }
        self.depth += 1;
        let declared = self.declarator_inner(node, ty);
        self.depth -= 1;
        declared
    }

    fn declarator_inner(&mut self, node: Node<'t>, ty: TypeExpr) -> Declared {
        match self.kind(node) {
            Kind::PointerDeclarator | Kind::PointerTypeDeclarator | Kind::AbstractPointer => {
                self.inner_declarator(node, TypeExpr::Pointer(Box::new(ty)))
            }
            Kind::ReferenceDeclarator | Kind::AbstractReference => {
                self.inner_declarator(node, TypeExpr::Reference(Box::new(ty)))
            }
            Kind::ArrayDeclarator | Kind::AbstractArray => {
                let size = self.field(node, self.f.size).filter(|size| size.is_named());
                let size = size.map(|size| Box::new(self.expr(size)));
                self.inner_declarator(node, TypeExpr::Array(Box::new(ty), size))
            }
            Kind::FunctionDeclarator | Kind::AbstractFunction => self.function_declarator(node, ty),
            Kind::ParenthesizedDeclarator
            | Kind::AbstractParenthesized
            | Kind::AttributedDeclarator
            | Kind::InitDeclarator => self.inner_declarator(node, ty),
            Kind::OperatorCast => {
                let target = self.field(node, self.f.ty).map_or(TypeExpr::Unknown, |ty| self.type_spec(ty));
                let mut declared = self.inner_declarator(node, target);
                declared.name = self.name(node);
                declared
            }
            Kind::StructuredBinding => {
                let names = self.children(node);
                let mut declared = self.unnamed(node, ty);
                declared.bindings =
                    names.iter().map(|&(_, n)| (self.source.symbol(n), self.span(n))).collect();
                declared
            }
            Kind::QualifiedIdentifier => self.qualified_declarator(node, ty),
            _ => {
                let name = self.name(node);
                Declared { name, ..self.unnamed(node, ty) }
            }
        }
    }

    /// `A::f`, `A::operator bool()`, or a pointer to a member `A::*p`.
    fn qualified_declarator(&mut self, node: Node<'t>, ty: TypeExpr) -> Declared {
        let name = self.name(node);
        let mut last = node;
        while self.kind(last) == Kind::QualifiedIdentifier {
            let Some(inner) = self.field(last, self.f.name) else { break };
            last = inner;
        }
        match self.kind(last) {
            Kind::OperatorCast => Declared { name, ..self.declarator(last, ty) },
            Kind::PointerTypeDeclarator => self.declarator(last, ty),
            _ => Declared { name, ..self.unnamed(last, ty) },
        }
    }

    /// The declarator inside `node`, if it has one.
    fn inner_declarator(&mut self, node: Node<'t>, ty: TypeExpr) -> Declared {
        let inner = match self.field(node, self.f.declarator) {
            Some(inner) => Some(inner),
            None => {
                let children = self.children(node);
                children.into_iter().map(|(_, child)| child).find(|&child| self.is_declarator(child))
            }
        };
        match inner {
            Some(inner) => self.declarator(inner, ty),
            None => self.unnamed(node, ty),
        }
    }

    fn is_declarator(&self, node: Node<'t>) -> bool {
        matches!(
            self.kind(node),
            Kind::PointerDeclarator
                | Kind::PointerTypeDeclarator
                | Kind::AbstractPointer
                | Kind::ReferenceDeclarator
                | Kind::AbstractReference
                | Kind::ArrayDeclarator
                | Kind::AbstractArray
                | Kind::FunctionDeclarator
                | Kind::AbstractFunction
                | Kind::ParenthesizedDeclarator
                | Kind::AbstractParenthesized
                | Kind::AttributedDeclarator
                | Kind::StructuredBinding
                | Kind::QualifiedIdentifier
                | Kind::Identifier
                | Kind::FieldIdentifier
                | Kind::TypeIdentifier
                | Kind::OperatorName
                | Kind::DestructorName
                | Kind::TemplateFunction
                | Kind::VariadicDeclarator
        )
    }

    fn unnamed(&self, node: Node<'t>, ty: TypeExpr) -> Declared {
        let name = Name { scope: Symbol::EMPTY, last: Symbol::EMPTY };
        Declared { name, span: self.span(node), ty, bindings: Vec::new(), overrides: false }
    }

    fn function_declarator(&mut self, node: Node<'t>, ret: TypeExpr) -> Declared {
        let (mut params, mut variadic, mut overrides, mut ret) = (Vec::new(), false, false, ret);
        for (_, child) in self.children(node) {
            match self.kind(child) {
                Kind::ParameterList => {
                    variadic = self.has_token(child, "...");
                    params = self.params(child);
                }
                Kind::TrailingReturn => {
                    if let Some(ty) = self.first(child) {
                        ret = self.type_spec(ty);
                    }
                }
                Kind::VirtualSpecifier => overrides = true,
                _ => {}
            }
        }
        let ty = TypeExpr::Function { ret: Box::new(ret), params, variadic };
        let mut declared = self.inner_declarator_of_function(node, ty);
        declared.overrides |= overrides;
        declared
    }

    /// Like [`Self::inner_declarator`], but never mistakes a parameter list for a declarator.
    fn inner_declarator_of_function(&mut self, node: Node<'t>, ty: TypeExpr) -> Declared {
        match self.field(node, self.f.declarator) {
            Some(inner) => self.declarator(inner, ty),
            None => self.unnamed(node, ty),
        }
    }

    pub(super) fn params(&mut self, list: Node<'t>) -> Vec<Param> {
        let mut params = Vec::new();
        for (_, child) in self.children(list) {
            if matches!(
                self.kind(child),
                Kind::ParameterDeclaration | Kind::OptionalParameter | Kind::VariadicParameter
            ) {
                params.push(self.param(child));
            }
        }
        // `(void)` takes nothing.
        match params.as_slice() {
            [only]
                if only.name.is_empty()
                    && matches!(only.ty, TypeExpr::Base)
                    && matches!(only.base, TypeExpr::Builtin(Builtin::Void)) =>
            {
                Vec::new()
            }
            _ => params,
        }
    }

    fn param(&mut self, node: Node<'t>) -> Param {
        let ty = self.field(node, self.f.ty);
        let base = ty.map_or(TypeExpr::Unknown, |ty| self.type_spec(ty));
        match self.field(node, self.f.declarator) {
            Some(declarator) => {
                let declared = self.declarator(declarator, TypeExpr::Base);
                Param { name: declared.name.last, span: declared.span, base, ty: declared.ty }
            }
            None => Param { name: Symbol::EMPTY, span: self.span(node), base, ty: TypeExpr::Base },
        }
    }
}

impl TypeExpr {
    /// The same type with [`TypeExpr::Base`] spelled out.
    pub(super) fn with_base(self, base: &TypeExpr) -> TypeExpr {
        match self {
            TypeExpr::Base => base.clone(),
            TypeExpr::Pointer(to) => TypeExpr::Pointer(Box::new(to.with_base(base))),
            TypeExpr::Reference(to) => TypeExpr::Reference(Box::new(to.with_base(base))),
            TypeExpr::Array(of, count) => TypeExpr::Array(Box::new(of.with_base(base)), count),
            TypeExpr::Function { ret, params, variadic } => {
                TypeExpr::Function { ret: Box::new(ret.with_base(base)), params, variadic }
            }
            other => other,
        }
    }
}

fn builtin(name: &str) -> Option<Builtin> {
    Some(match name {
        "void" => Builtin::Void,
        "bool" => Builtin::Bool,
        "char" => Builtin::Char,
        "int" => Builtin::Int,
        "float" => Builtin::Float,
        "double" => Builtin::Double,
        "wchar_t" => Builtin::WChar,
        "char8_t" => Builtin::UChar,
        "char16_t" => Builtin::UShort,
        "char32_t" => Builtin::UInt,
        "unsigned" => Builtin::UInt,
        "signed" => Builtin::Int,
        "long" => Builtin::Long,
        "short" => Builtin::Short,
        "__int128" | "__int128_t" => Builtin::Int128,
        "__uint128_t" => Builtin::UInt128,
        _ => return None,
    })
}

/// Whether a name is that of a built-in or well-known library type, so that `sizeof(name)` and
/// `(name)(x)` speak of a type.
pub(super) fn is_library_type(name: &str) -> bool {
    builtin(name).is_some()
        || name.ends_with("_t")
        || matches!(name, "FILE" | "DIR" | "std::string" | "std::size_t")
}

/// `unsigned long long int` in any order.
fn sized(text: &str) -> TypeExpr {
    let (mut unsigned, mut signed, mut longs, mut short) = (false, false, 0, false);
    let mut core = "int";
    for word in text.split_whitespace() {
        match word {
            "unsigned" | "__unsigned__" => unsigned = true,
            "signed" | "__signed__" => signed = true,
            "long" => longs += 1,
            "short" => short = true,
            "const" | "volatile" | "constexpr" | "register" => {}
            other => core = other,
        }
    }
    TypeExpr::Builtin(match (core, unsigned) {
        ("char", true) => Builtin::UChar,
        ("char", false) if signed => Builtin::SChar,
        ("char", false) => Builtin::Char,
        ("double", _) if longs > 0 => Builtin::LongDouble,
        ("double", _) => Builtin::Double,
        ("__int128", true) => Builtin::UInt128,
        ("__int128", false) => Builtin::Int128,
        (_, true) if short => Builtin::UShort,
        (_, false) if short => Builtin::Short,
        (_, true) if longs > 1 => Builtin::ULongLong,
        (_, false) if longs > 1 => Builtin::LongLong,
        (_, true) if longs > 0 => Builtin::ULong,
        (_, false) if longs > 0 => Builtin::Long,
        (_, true) => Builtin::UInt,
        (_, false) => Builtin::Int,
    })
}

/// An expression that names a type, for `sizeof(name)`.
pub(super) fn type_named_by(kind: &ExprKind) -> Option<TypeExpr> {
    match kind {
        ExprKind::Ident(name) => {
            Some(builtin(name.as_str()).map_or(TypeExpr::Named(*name), TypeExpr::Builtin))
        }
        _ => None,
    }
}
