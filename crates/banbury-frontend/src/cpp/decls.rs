//! Declarations: file scope, variables, classes, functions.

use banbury_base::{Span, Symbol};
use banbury_ir::RecordKind;
use tree_sitter::Node;

use super::types::Declared;
use super::{Converter, Kind, Visible};
use crate::ast::{
    Block, Builtin, Decl, DeclSpecs, Declarator, Expr, ExprKind, FunctionDef, Init, Member, RecordSpec,
    TypeExpr, VarDecl,
};

/// Specifiers of a declaration and the node of its type.
pub(super) struct Specifiers<'t> {
    pub specs: DeclSpecs,
    pub ty: Option<Node<'t>>,
}

impl<'t> Converter<'t> {
    /// Everything in a translation unit, a namespace, or `extern "C" { }`.
    pub(super) fn file_scope(&mut self, node: Node<'t>) {
        if self.depth >= super::MAX_DEPTH {
            return self.file_error(node);
        }
        self.depth += 1;
        for (_, child) in self.children(node) {
            self.file_item(child);
        }
        self.depth -= 1;
    }

    fn file_item(&mut self, node: Node<'t>) {
        match self.kind(node) {
            Kind::Declaration | Kind::TypeDefinition | Kind::AliasDeclaration if node.has_error() => {
                self.unit_errors(node);
                let vars = self.var_decl(node);
                self.push(Decl::Vars(vars));
            }
            Kind::FunctionDefinition => self.lift_function(node, None, false),
            Kind::Declaration
            | Kind::TypeDefinition
            | Kind::AliasDeclaration
            | Kind::TemplateInstantiation => {
                let vars = self.var_decl(node);
                self.push(Decl::Vars(vars));
            }
            Kind::ClassSpecifier | Kind::StructSpecifier | Kind::UnionSpecifier => {
                let record = self.record(node);
                self.push(Decl::Class(Box::new(record)));
            }
            Kind::EnumSpecifier => self.lift_enum(node),
            Kind::NamespaceDefinition => {
                let name = self.field(node, self.f.name);
                let outer = self.enter_namespace(name);
                if let Some(body) = self.field(node, self.f.body) {
                    self.file_scope(body);
                }
                self.namespace = outer;
            }
            Kind::LinkageSpecification => {
                if let Some(body) = self.field(node, self.f.body) {
                    match self.kind(body) {
                        Kind::DeclarationList => self.file_scope(body),
                        _ => self.file_item(body),
                    }
                }
            }
            Kind::TemplateDeclaration => {
                for (_, child) in self.children(node).into_iter().skip(1) {
                    self.file_item(child);
                }
            }
            Kind::UsingDeclaration | Kind::NamespaceAlias => self.using(node),
            Kind::Error => {
                self.file_error(node);
                self.file_scope(node);
            }
            kind => self.stray(node, kind),
        }
    }

    /// Errors inside a declaration outside functions; classes see to their members themselves.
    fn unit_errors(&mut self, node: Node<'t>) {
        let has_body = |ty: Node<'t>| ty.child_by_field_id(self.f.body).is_some();
        if node.has_error() && !self.field(node, self.f.ty).is_some_and(has_body) {
            let errors = self.errors_within(node);
            let room = super::MAX_ERRORS.saturating_sub(self.unit.errors.len());
            self.unit.errors.extend(errors.into_iter().take(room));
        }
    }

    /// Statements at file scope are what is left of something that did not parse, save the call
    /// of a macro and a lone semicolon.
    fn stray(&mut self, node: Node<'t>, kind: Kind) {
        match kind {
            Kind::CompoundStatement
            | Kind::IfStatement
            | Kind::ForStatement
            | Kind::WhileStatement
            | Kind::SwitchStatement
            | Kind::ReturnStatement
            | Kind::CaseStatement
            | Kind::LabeledStatement
            | Kind::BreakStatement
            | Kind::TryStatement
            | Kind::DoStatement => self.file_error(node),
            _ => {}
        }
    }

    /// `using namespace N;` and `namespace M = N;`; a using-declaration changes no name here,
    /// since namespaces are dropped anyway.
    fn using(&mut self, node: Node<'t>) {
        if self.kind(node) == Kind::NamespaceAlias || self.has_token(node, "namespace") {
            for (_, child) in self.children(node) {
                self.learn_namespace(child);
                let name: String = self.source.text(child).split_whitespace().collect();
                self.see_namespace(Symbol::new(&name));
            }
        }
    }

    fn lift_enum(&mut self, node: Node<'t>) {
        let base = self.type_spec(node);
        let span = self.span(node);
        let vars = VarDecl { specs: DeclSpecs::default(), base, declarators: Vec::new(), span };
        self.push(Decl::Vars(vars));
    }

    /// Storage class, qualifiers and attributes among the children of a declaration.
    pub(super) fn specifiers(&mut self, node: Node<'t>) -> Specifiers<'t> {
        let mut specs = DeclSpecs::default();
        let mut ty = None;
        for (field, child) in self.children(node) {
            match self.kind(child) {
                _ if field == self.f.ty => ty = Some(child),
                Kind::StorageClass | Kind::TypeQualifier => match &*self.source.text(child) {
                    "static" => specs.is_static = true,
                    "extern" => specs.is_extern = true,
                    "inline" | "__inline" | "__inline__" => specs.is_inline = true,
                    "const" | "constexpr" => specs.is_const = true,
                    "_Noreturn" | "noreturn" => specs.is_noreturn = true,
                    _ => {}
                },
                Kind::Virtual => specs.is_virtual = true,
                Kind::AttributeDeclaration | Kind::AttributeSpecifier => self.attributes(child, &mut specs),
                _ => {}
            }
        }
        Specifiers { specs, ty }
    }

    fn attributes(&mut self, node: Node<'t>, specs: &mut DeclSpecs) {
        for (_, child) in self.children(node) {
            match self.kind(child) {
                Kind::Attribute => {
                    let name = self.field(child, self.f.name).map(|name| self.source.symbol(name));
                    add_attribute(specs, name.unwrap_or_default().as_str());
                }
                Kind::ArgumentList => {
                    for (_, argument) in self.children(child) {
                        let text = self.source.text(argument);
                        add_attribute(specs, text.split('(').next().unwrap_or(""));
                    }
                }
                _ => {}
            }
        }
    }

    /// `declaration`, `field_declaration`, `type_definition` and `alias_declaration`.
    pub(super) fn var_decl(&mut self, node: Node<'t>) -> VarDecl {
        let kind = self.kind(node);
        if kind == Kind::AliasDeclaration {
            return self.alias(node);
        }
        let Specifiers { mut specs, ty } = self.specifiers(node);
        specs.is_typedef = kind == Kind::TypeDefinition;
        let base = ty.map_or(TypeExpr::Builtin(Builtin::Void), |ty| self.type_spec(ty));
        let mut declarators: Vec<Declarator> = Vec::new();
        for (field, child) in self.children(node) {
            if field == self.f.declarator {
                self.init_declarator(child, ty, &base, &mut declarators);
            } else if field == self.f.value || field == self.f.default_value {
                let init = self.init(child, &base, declarators.last().map(|d| &d.ty));
                if let Some(last) = declarators.last_mut() {
                    last.init = Some(init);
                }
            } else if self.kind(child) == Kind::BitfieldClause {
                let bits = self.first(child).map(|bits| Box::new(self.expr(bits)));
                match declarators.last_mut() {
                    Some(last) => last.bits = bits,
                    None => declarators.push(unnamed_field(self.span(child), bits)),
                }
            }
        }
        if specs.is_typedef {
            self.types.extend(declarators.iter().map(|d| d.name));
        }
        VarDecl { specs, base, declarators, span: self.span(node) }
    }

    /// `using Name = type;`
    fn alias(&mut self, node: Node<'t>) -> VarDecl {
        let span = self.span(node);
        let specs = DeclSpecs { is_typedef: true, ..DeclSpecs::default() };
        let Some((name, ty)) = self.field(node, self.f.name).zip(self.field(node, self.f.ty)) else {
            return VarDecl { specs, base: TypeExpr::Unknown, declarators: Vec::new(), span };
        };
        let target = self.type_name(ty);
        let symbol = self.source.symbol(name);
        self.types.insert(symbol);
        let declarator = Declarator {
            name: symbol,
            span: self.span(name),
            ty: target.ty,
            bits: None,
            init: None,
            attributes: Vec::new(),
        };
        VarDecl { specs, base: target.base, declarators: vec![declarator], span }
    }

    /// One declarator with its initialiser; a structured binding gives one for each name.
    fn init_declarator(
        &mut self,
        node: Node<'t>,
        ty: Option<Node<'t>>,
        base: &TypeExpr,
        out: &mut Vec<Declarator>,
    ) {
        let (declarator, value) = match self.kind(node) {
            Kind::InitDeclarator => (self.field(node, self.f.declarator), self.field(node, self.f.value)),
            _ => (Some(node), None),
        };
        let Some(declarator) = declarator else { return };
        if self.kind(declarator) == Kind::GnuAsm {
            return;
        }
        let declared = self.declarator(declarator, TypeExpr::Base);
        let init = value.map(|value| self.init(value, base, Some(&declared.ty)));
        if !declared.bindings.is_empty() {
            return bindings(declared, init, out);
        }
        let name = declared.name.full();
        if !self.function.is_empty() {
            self.visible.push(Visible { name, ty, declarator });
        }
        let (span, ty) = (declared.span, declared.ty);
        out.push(Declarator { name, span, ty, bits: None, init, attributes: Vec::new() });
    }

    /// The initialiser of a variable: `= value`, `= { }`, `(arguments)` or `{ arguments }`.
    fn init(&mut self, node: Node<'t>, base: &TypeExpr, ty: Option<&TypeExpr>) -> Init {
        let kind = self.kind(node);
        if !matches!(kind, Kind::ArgumentList | Kind::InitializerList) {
            return Init::Expr(self.expr(node));
        }
        let assigned = self.follows_equals(node);
        let is_class = matches!(ty, Some(TypeExpr::Base))
            && matches!(base, TypeExpr::Named(_) | TypeExpr::Template(..) | TypeExpr::Record(_));
        let is_array = matches!(ty, Some(TypeExpr::Array(..)));
        if is_class && !assigned {
            return Init::Construct(self.arguments(node), self.span(node));
        }
        let only = self.children(node);
        match only.as_slice() {
            [(_, only)] if !is_array && !is_class && self.kind(*only) != Kind::InitializerPair => {
                Init::Expr(self.expr(*only))
            }
            _ if kind == Kind::ArgumentList => Init::Construct(self.arguments(node), self.span(node)),
            _ => self.init_list(node),
        }
    }

    fn follows_equals(&self, node: Node<'t>) -> bool {
        node.prev_sibling().is_some_and(|before| before.kind() == "=")
    }

    /// `struct`, `class` or `union`. Member functions with bodies, nested classes and
    /// enumerations go to file scope, before the class itself.
    pub(super) fn record(&mut self, node: Node<'t>) -> RecordSpec {
        let kind = match self.kind(node) {
            Kind::ClassSpecifier => RecordKind::Class,
            Kind::UnionSpecifier => RecordKind::Union,
            _ => RecordKind::Struct,
        };
        let name = self.field(node, self.f.name);
        let tag = name.map_or(Symbol::EMPTY, |name| self.name(name).last);
        let span = self.span(name.unwrap_or(node));
        self.types.insert(tag);
        let (mut bases, mut specs) = (Vec::new(), DeclSpecs::default());
        for (_, child) in self.children(node) {
            match self.kind(child) {
                Kind::BaseClassClause => bases = self.bases(child),
                Kind::AttributeSpecifier | Kind::AttributeDeclaration => self.attributes(child, &mut specs),
                _ => {}
            }
        }
        let packed = specs.attributes.iter().any(|a| *a == "packed");
        let members = self.field(node, self.f.body).map(|body| self.members(body, tag));
        RecordSpec { kind, tag, span, members, packed, bases }
    }

    fn bases(&mut self, node: Node<'t>) -> Vec<Symbol> {
        let children = self.children(node);
        let is_base =
            |kind| matches!(kind, Kind::TypeIdentifier | Kind::QualifiedIdentifier | Kind::TemplateType);
        let bases = children.into_iter().filter(|&(_, child)| is_base(self.kind(child)));
        let bases: Vec<Node<'t>> = bases.map(|(_, child)| child).collect();
        bases.into_iter().map(|base| self.name(base).full()).collect()
    }

    fn members(&mut self, body: Node<'t>, tag: Symbol) -> Vec<Member> {
        let mut members = Vec::new();
        if self.depth >= super::MAX_DEPTH {
            return members;
        }
        self.depth += 1;
        let outer = self.class.replace(tag);
        for (_, child) in self.children(body) {
            self.member(child, tag, &mut members);
        }
        self.class = outer;
        self.depth -= 1;
        members
    }

    fn member(&mut self, node: Node<'t>, tag: Symbol, members: &mut Vec<Member>) {
        match self.kind(node) {
            Kind::FieldDeclaration | Kind::Declaration => {
                self.unit_errors(node);
                let vars = self.var_decl(node);
                let overrides = self.says_override(node);
                self.field_or_method(vars, overrides, members);
            }
            Kind::FunctionDefinition => {
                if let Some(method) = self.method_of(node) {
                    members.push(method);
                }
                self.lift_function(node, Some(tag), false);
            }
            Kind::TemplateDeclaration => {
                for (_, child) in self.children(node).into_iter().skip(1) {
                    self.member(child, tag, members);
                }
            }
            Kind::AliasDeclaration | Kind::TypeDefinition => {
                let vars = self.var_decl(node);
                self.push(Decl::Vars(vars));
            }
            Kind::FriendDeclaration => {
                for (_, child) in self.children(node) {
                    if self.kind(child) == Kind::FunctionDefinition {
                        self.lift_function(child, None, true);
                    }
                }
            }
            Kind::ClassSpecifier | Kind::StructSpecifier | Kind::UnionSpecifier | Kind::EnumSpecifier => {
                self.file_item(node);
            }
            Kind::Error => {
                self.file_error(node);
                for (_, child) in self.children(node) {
                    self.member(child, tag, members);
                }
            }
            _ => {}
        }
    }

    /// `override` or `final` after a member function's parameters.
    fn says_override(&mut self, node: Node<'t>) -> bool {
        let mut at = self.field(node, self.f.declarator);
        while let Some(node) = at {
            if self.kind(node) == Kind::FunctionDeclarator {
                let children = self.children(node);
                return children.iter().any(|&(_, child)| self.kind(child) == Kind::VirtualSpecifier);
            }
            at = self.field(node, self.f.declarator).or_else(|| self.first(node));
        }
        false
    }

    fn field_or_method(&mut self, mut vars: VarDecl, overrides: bool, members: &mut Vec<Member>) {
        if vars.declarators.is_empty() {
            match vars.base {
                TypeExpr::Record(record) if !record.tag.is_empty() => self.push(Decl::Class(record)),
                TypeExpr::Enum(_) => self.push(Decl::Vars(vars)),
                _ => members.push(Member::Field(vars)),
            }
            return;
        }
        let is_method = |d: &Declarator| matches!(d.ty, TypeExpr::Function { .. });
        for method in vars.declarators.extract_if(.., |d| is_method(d)) {
            let ty = method.ty.with_base(&vars.base);
            let is_virtual = vars.specs.is_virtual || overrides;
            members.push(Member::Method {
                name: method.name,
                is_virtual,
                is_static: vars.specs.is_static,
                ty,
            });
        }
        if !vars.declarators.is_empty() {
            members.push(Member::Field(vars));
        }
    }

    /// The member that a function definition inside a class declares.
    fn method_of(&mut self, node: Node<'t>) -> Option<Member> {
        let Specifiers { specs, ty } = self.specifiers(node);
        let base = ty.map_or(TypeExpr::Builtin(Builtin::Void), |ty| self.type_spec(ty));
        let declarator = self.field(node, self.f.declarator)?;
        let declared = self.declarator(declarator, base);
        let is_virtual = specs.is_virtual || declared.overrides;
        Some(Member::Method {
            name: declared.name.last,
            is_virtual,
            is_static: specs.is_static,
            ty: declared.ty,
        })
    }

    /// Converts a function definition, unless it is defaulted or deleted, and puts it at file
    /// scope. `friend`: it stands in a class without being its member.
    pub(super) fn lift_function(&mut self, node: Node<'t>, class: Option<Symbol>, friend: bool) {
        let outer_class = self.class;
        let outer = (std::mem::take(&mut self.function), self.lambdas, std::mem::take(&mut self.visible));
        self.lambdas = 0;
        if friend {
            self.class = None;
        }
        if let Some(function) = self.function_def(node, class) {
            self.push(Decl::Function(Box::new(function)));
        }
        (self.function, self.lambdas, self.visible) = outer;
        self.class = outer_class;
    }

    fn function_def(&mut self, node: Node<'t>, class: Option<Symbol>) -> Option<FunctionDef> {
        let body = self.body_of(node)?;
        let Specifiers { specs, ty } = self.specifiers(node);
        let declarator = self.field(node, self.f.declarator)?;
        let base = match ty {
            Some(ty) => self.type_spec(ty),
            None => self.implied_type(declarator, class),
        };
        let declared = self.declarator(declarator, base);
        let qualifier = Some(declared.name.scope).filter(|scope| !scope.is_empty());
        let class = qualifier.or(class);
        let name = match class {
            Some(class) => Symbol::new(&format!("{class}::{}", declared.name.last)),
            None => declared.name.last,
        };
        let ty = match declared.ty {
            ty @ TypeExpr::Function { .. } => ty,
            other => TypeExpr::Function { ret: Box::new(other), params: Vec::new(), variadic: false },
        };
        (self.class, self.function) = (class, name);
        self.remember_params(declarator);
        let ctor_inits = self.ctor_inits(node);
        let block = self.function_body(body);
        Some(FunctionDef {
            name,
            span: declared.span,
            end_line: self.source.end_line(node),
            specs,
            ty,
            body: block,
            class,
            namespace: self.namespace,
            ctor_inits,
            errors: self.errors_within(node),
        })
    }

    /// The body; that of `f() try { } catch ...` is its try statement.
    fn body_of(&mut self, node: Node<'t>) -> Option<Node<'t>> {
        self.field(node, self.f.body).or_else(|| {
            let children = self.children(node);
            children.into_iter().map(|(_, child)| child).find(|&child| self.kind(child) == Kind::TryStatement)
        })
    }

    fn function_body(&mut self, body: Node<'t>) -> Block {
        match self.kind(body) {
            Kind::CompoundStatement => self.block(body),
            _ => Block { stmts: vec![self.stmt(body)], end_line: self.source.end_line(body) },
        }
    }

    /// Constructors and destructors give nothing; anything else without a type is an old `int`.
    fn implied_type(&mut self, declarator: Node<'t>, class: Option<Symbol>) -> TypeExpr {
        let is_member = class.is_some() || {
            let inner = self.field(declarator, self.f.declarator);
            inner.is_some_and(|inner| self.kind(inner) == Kind::QualifiedIdentifier)
        };
        TypeExpr::Builtin(if is_member { Builtin::Void } else { Builtin::Int })
    }

    /// Makes the parameters visible to lambdas.
    pub(super) fn remember_params(&mut self, declarator: Node<'t>) {
        let mut at = Some(declarator);
        while let Some(node) = at {
            if let Some(list) = self.field(node, self.f.parameters) {
                for (_, param) in self.children(list) {
                    let ty = self.field(param, self.f.ty);
                    let Some(declarator) = self.field(param, self.f.declarator) else { continue };
                    let name = self.declared_name(declarator);
                    self.visible.push(Visible { name, ty, declarator });
                }
                return;
            }
            at = self.field(node, self.f.declarator).or_else(|| self.first(node));
        }
    }

    /// The name inside a declarator, without converting its type.
    fn declared_name(&mut self, declarator: Node<'t>) -> Symbol {
        let mut at = declarator;
        loop {
            match self.kind(at) {
                Kind::Identifier | Kind::FieldIdentifier => return self.source.symbol(at),
                _ => match self.field(at, self.f.declarator).or_else(|| self.first(at)) {
                    Some(inner) => at = inner,
                    None => return Symbol::EMPTY,
                },
            }
        }
    }

    fn ctor_inits(&mut self, node: Node<'t>) -> Vec<(Symbol, Vec<Expr>, Span)> {
        let mut out = Vec::new();
        let mut lists: Vec<Node<'t>> = self.children(node).into_iter().map(|(_, child)| child).collect();
        // A function-try-block holds the list itself.
        if let Some(position) = lists.iter().position(|&child| self.kind(child) == Kind::TryStatement) {
            let inner = self.children(lists[position]);
            lists.extend(inner.into_iter().map(|(_, child)| child));
        }
        for list in lists {
            if self.kind(list) != Kind::FieldInitializerList {
                continue;
            }
            for (_, init) in self.children(list) {
                let parts = self.children(init);
                let [(_, name), (_, arguments), ..] = parts.as_slice() else { continue };
                let name_of = self.name(*name).last;
                out.push((name_of, self.arguments(*arguments), self.span(*name)));
            }
        }
        out
    }
}

fn add_attribute(specs: &mut DeclSpecs, name: &str) {
    let name = name.trim().trim_matches('_');
    if name == "noreturn" {
        specs.is_noreturn = true;
    }
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        specs.attributes.push(Symbol::new(name));
    }
}

fn unnamed_field(span: Span, bits: Option<Box<Expr>>) -> Declarator {
    Declarator { name: Symbol::EMPTY, span, ty: TypeExpr::Base, bits, init: None, attributes: Vec::new() }
}

/// `auto [a, b] = value`: the first name carries the value's effects, all are unknown.
fn bindings(declared: Declared, init: Option<Init>, out: &mut Vec<Declarator>) {
    let mut value: Vec<Expr> = match init {
        Some(Init::Expr(expr)) => vec![expr],
        Some(Init::Construct(exprs, _)) => exprs,
        _ => Vec::new(),
    };
    for (name, span) in declared.bindings {
        let make = |kind| Expr { kind, span, in_macro: Symbol::EMPTY };
        let get = make(ExprKind::Ident(Symbol::new("std::get")));
        let kind = ExprKind::Call(Box::new(get), std::mem::take(&mut value));
        let init = Some(Init::Expr(make(kind)));
        out.push(Declarator { name, span, ty: TypeExpr::Base, bits: None, init, attributes: Vec::new() });
    }
}
