//! Expressions.

use banbury_base::{Span, Symbol};
use rustc_hash::FxHashSet;
use tree_sitter::Node;

use super::names::is_std_class;
use super::types::{is_library_type, type_named_by};
use super::{Converter, Kind, Visible, literals};
use crate::ast::{
    BinaryOp, Builtin, Decl, DeclSpecs, Designator, Expr, ExprKind, FunctionDef, Init, InitEntry, Param,
    TypeExpr, TypeName, UnaryOp,
};

impl<'t> Converter<'t> {
    pub(super) fn expr_at(&self, node: Node<'t>, kind: ExprKind) -> Expr {
        Expr { kind, span: self.span(node), in_macro: self.source.in_macro(node) }
    }

    /// One expression.
    pub(super) fn expr(&mut self, node: Node<'t>) -> Expr {
        if self.depth >= super::MAX_DEPTH {
            return self.expr_at(node, ExprKind::Unknown(Vec::new()));
        }
        self.depth += 1;
        let kind = self.expr_kind(node);
        self.depth -= 1;
        self.expr_at(self.defining_token(node), kind)
    }

    /// What a reader should be pointed at: for a call through a chain of members the method.
    fn defining_token(&self, node: Node<'t>) -> Node<'t> {
        match self.kind(node) {
            Kind::CallExpression => match self.field(node, self.f.function) {
                Some(function) if self.kind(function) == Kind::FieldExpression => {
                    self.field(function, self.f.field).unwrap_or(node)
                }
                _ => node,
            },
            Kind::FieldExpression => self.field(node, self.f.field).unwrap_or(node),
            _ => node,
        }
    }

    fn boxed(&mut self, node: Option<Node<'t>>, around: Node<'t>) -> Box<Expr> {
        Box::new(match node {
            Some(node) => self.expr(node),
            None => self.expr_at(around, ExprKind::Unknown(Vec::new())),
        })
    }

    fn boxed_field(&mut self, node: Node<'t>, field: u16) -> Box<Expr> {
        let child = self.field(node, field);
        self.boxed(child, node)
    }

    fn expr_kind(&mut self, node: Node<'t>) -> ExprKind {
        match self.kind(node) {
            Kind::Identifier | Kind::FieldIdentifier | Kind::TypeIdentifier | Kind::PrimitiveType => {
                ExprKind::Ident(self.source.symbol(node))
            }
            Kind::QualifiedIdentifier
            | Kind::TemplateFunction
            | Kind::TemplateType
            | Kind::TemplateMethod
            | Kind::DependentName
            | Kind::OperatorName
            | Kind::DestructorName => ExprKind::Ident(self.name(node).full()),
            Kind::NumberLiteral => self.number(node),
            Kind::CharLiteral => ExprKind::Char(literals::character(self.source.bytes(node))),
            Kind::StringLiteral | Kind::RawStringLiteral | Kind::ConcatenatedString => self.string(node),
            Kind::UserDefinedLiteral => match self.first(node) {
                Some(inner) if self.kind(inner) != Kind::NumberLiteral => self.expr_kind(inner),
                Some(inner) => {
                    let value = self.expr(inner);
                    self.opaque(node, "operator\"\"", vec![value])
                }
                None => ExprKind::Unknown(Vec::new()),
            },
            Kind::True => small_int(1),
            Kind::False => small_int(0),
            Kind::Null => self.null(node),
            Kind::This => ExprKind::This,
            Kind::ParenthesizedExpression | Kind::ExtensionExpression | Kind::ConditionClause => {
                self.parenthesized(node)
            }
            _ => self.operation(node),
        }
    }

    fn operation(&mut self, node: Node<'t>) -> ExprKind {
        match self.kind(node) {
            Kind::BinaryExpression => self.binary(node),
            Kind::AssignmentExpression => self.assignment(node),
            Kind::UnaryExpression | Kind::PointerExpression => self.unary(node),
            Kind::UpdateExpression => self.update(node),
            Kind::ConditionalExpression => self.conditional(node),
            Kind::CommaExpression => {
                let left = self.boxed_field(node, self.f.left);
                ExprKind::Comma(left, self.boxed_field(node, self.f.right))
            }
            Kind::CallExpression => self.call(node),
            Kind::SubscriptExpression => self.subscript(node),
            Kind::FieldExpression => self.member_access(node),
            Kind::CastExpression => {
                let ty = self.type_name_field(node);
                ExprKind::Cast(ty, self.boxed_field(node, self.f.value))
            }
            Kind::CompoundLiteral => self.compound_literal(node),
            Kind::SizeofExpression => self.sizeof(node),
            Kind::AlignofExpression => ExprKind::AlignofType(self.type_name_field(node)),
            Kind::OffsetofExpression => {
                let member =
                    self.field(node, self.f.member).map(|m| Designator::Field(self.source.symbol(m)));
                ExprKind::Offsetof(self.type_name_field(node), member.into_iter().collect())
            }
            Kind::NewExpression => self.new_expression(node),
            Kind::DeleteExpression => {
                let array = self.has_token(node, "[");
                let value = self.first(node);
                ExprKind::Delete { array, value: self.boxed(value, node) }
            }
            Kind::LambdaExpression => self.lambda(node),
            Kind::ThrowStatement => {
                let value = self.first(node).map(|value| Box::new(self.expr(value)));
                ExprKind::Throw(value)
            }
            Kind::InitializerList => {
                let values = self.arguments(node);
                self.opaque(node, "__builtin_braced", values)
            }
            Kind::CoAwait | Kind::ParameterPackExpansion => {
                let inner = self.first(node);
                self.boxed(inner, node).kind
            }
            // What is not modelled, or did not parse, keeps the effects of what it holds.
            _ => ExprKind::Unknown(self.arguments(node)),
        }
    }

    fn type_name_field(&mut self, node: Node<'t>) -> Box<TypeName> {
        Box::new(match self.field(node, self.f.ty) {
            Some(ty) => self.type_name(ty),
            None => TypeName { base: TypeExpr::Unknown, ty: TypeExpr::Base },
        })
    }

    /// The grammar makes a sign part of the number where no operator can stand.
    fn number(&mut self, node: Node<'t>) -> ExprKind {
        let text = self.source.text(node);
        let (op, digits) = match text.as_bytes().first() {
            Some(b'-') => (Some(UnaryOp::Minus), &text[1..]),
            Some(b'+') => (Some(UnaryOp::Plus), &text[1..]),
            _ => (None, &*text),
        };
        let value = literals::number(digits.trim_start()).unwrap_or(ExprKind::Unknown(Vec::new()));
        match op {
            Some(op) => ExprKind::Unary(op, Box::new(self.expr_at(node, value))),
            None => value,
        }
    }

    /// `nullptr` and `NULL`: zero as a pointer.
    fn null(&mut self, node: Node<'t>) -> ExprKind {
        let ty = TypeName {
            base: TypeExpr::Builtin(Builtin::Void),
            ty: TypeExpr::Pointer(Box::new(TypeExpr::Base)),
        };
        ExprKind::Cast(Box::new(ty), Box::new(self.expr_at(node, small_int(0))))
    }

    /// All expressions below a node, in order: arguments, elements, operands.
    pub(super) fn arguments(&mut self, node: Node<'t>) -> Vec<Expr> {
        if self.depth >= super::MAX_DEPTH {
            return Vec::new();
        }
        self.depth += 1;
        let mut out = Vec::new();
        for (_, child) in self.children(node) {
            match self.kind(child) {
                Kind::ArgumentList
                | Kind::SubscriptArguments
                | Kind::Error
                | Kind::ParameterPackExpansion => {
                    out.extend(self.arguments(child));
                }
                Kind::CompoundStatement => {
                    let block = self.block(child);
                    out.push(self.expr_at(child, ExprKind::StmtExpr(block)));
                }
                Kind::InitializerPair => {
                    let value = self.boxed_field(child, self.f.value);
                    out.push(*value);
                }
                Kind::Other
                | Kind::TypeDescriptor
                | Kind::ParameterList
                | Kind::TemplateArguments
                | Kind::LambdaCaptures => {}
                _ => out.push(self.expr(child)),
            }
        }
        self.depth -= 1;
        out
    }

    /// An operation whose meaning is not modelled, as the call of something unknown.
    pub(super) fn opaque(&self, node: Node<'t>, name: &str, operands: Vec<Expr>) -> ExprKind {
        let callee = self.expr_at(node, ExprKind::Ident(Symbol::new(name)));
        ExprKind::Call(Box::new(callee), operands)
    }

    /// `( e )`, and GNU `({ ... })`.
    fn parenthesized(&mut self, node: Node<'t>) -> ExprKind {
        match self.first(node) {
            Some(inner) if self.kind(inner) == Kind::CompoundStatement => {
                ExprKind::StmtExpr(self.block(inner))
            }
            Some(inner) => self.expr(inner).kind,
            None => ExprKind::Unknown(Vec::new()),
        }
    }

    fn string(&mut self, node: Node<'t>) -> ExprKind {
        let parts = match self.kind(node) {
            Kind::ConcatenatedString => self.children(node),
            _ => smallvec::smallvec![(0, node)],
        };
        let (mut contents, mut wide) = (Vec::new(), false);
        for (_, part) in parts {
            if self.kind(part) == Kind::Identifier {
                contents.extend(literals::format_macro(&self.source.text(part)).chars());
                continue;
            }
            let (more, is_wide) = literals::string(self.source.bytes(part));
            contents.extend(more);
            wide |= is_wide;
        }
        literals::string_kind(&contents, wide)
    }

    fn binary(&mut self, node: Node<'t>) -> ExprKind {
        let operator = self.operator(node);
        let left = self.boxed_field(node, self.f.left);
        let right = self.boxed_field(node, self.f.right);
        match operator {
            "&&" | "and" => ExprKind::Logical { and: true, left, right },
            "||" | "or" => ExprKind::Logical { and: false, left, right },
            _ => match binary_op(operator) {
                Some(op) => ExprKind::Binary(op, left, right),
                None => self.opaque(node, &format!("operator{operator}"), vec![*left, *right]),
            },
        }
    }

    fn assignment(&mut self, node: Node<'t>) -> ExprKind {
        let op = binary_op(self.operator(node).trim_end_matches('='));
        let left = self.boxed_field(node, self.f.left);
        let right = self.boxed_field(node, self.f.right);
        ExprKind::Assign(op, left, right)
    }

    fn unary(&mut self, node: Node<'t>) -> ExprKind {
        let operator = self.operator(node);
        let operand = self.boxed_field(node, self.f.argument);
        let op = match operator {
            "!" | "not" => UnaryOp::Not,
            "~" | "compl" => UnaryOp::BitNot,
            "-" => UnaryOp::Minus,
            "+" => UnaryOp::Plus,
            "*" => UnaryOp::Deref,
            "&" => UnaryOp::AddrOf,
            _ => return ExprKind::Unknown(vec![*operand]),
        };
        ExprKind::Unary(op, operand)
    }

    fn update(&mut self, node: Node<'t>) -> ExprKind {
        let operator = self.field(node, self.f.operator);
        let argument = self.field(node, self.f.argument);
        let prefix = match (operator, argument) {
            (Some(operator), Some(argument)) => operator.start_byte() < argument.start_byte(),
            _ => false,
        };
        let op = match (self.operator(node), prefix) {
            ("++", true) => UnaryOp::PreInc,
            ("++", false) => UnaryOp::PostInc,
            (_, true) => UnaryOp::PreDec,
            (_, false) => UnaryOp::PostDec,
        };
        ExprKind::Unary(op, self.boxed(argument, node))
    }

    fn conditional(&mut self, node: Node<'t>) -> ExprKind {
        let condition = self.boxed_field(node, self.f.condition);
        let then = self.field(node, self.f.consequence).map(|then| Box::new(self.expr(then)));
        ExprKind::Conditional(condition, then, self.boxed_field(node, self.f.alternative))
    }

    fn subscript(&mut self, node: Node<'t>) -> ExprKind {
        let base = self.boxed_field(node, self.f.argument);
        let indices = self.field(node, self.f.indices).map(|indices| self.arguments(indices));
        match indices.unwrap_or_default().pop() {
            Some(index) => ExprKind::Index(base, Box::new(index)),
            None => ExprKind::Unknown(vec![*base]),
        }
    }

    fn member_access(&mut self, node: Node<'t>) -> ExprKind {
        let base = self.boxed_field(node, self.f.argument);
        let operator = self.operator(node);
        let Some(field) = self.field(node, self.f.field) else { return ExprKind::Unknown(vec![*base]) };
        if operator == ".*" {
            let field = self.expr(field);
            return self.opaque(node, "operator->*", vec![*base, field]);
        }
        ExprKind::Member { base, name: self.name(field).full(), arrow: operator == "->" }
    }

    fn call(&mut self, node: Node<'t>) -> ExprKind {
        let arguments = self.field(node, self.f.arguments).map(|a| self.arguments(a)).unwrap_or_default();
        let Some(function) = self.field(node, self.f.function) else { return ExprKind::Unknown(arguments) };
        match self.kind(function) {
            Kind::PrimitiveType | Kind::SizedType => {
                let ty = TypeName { base: self.type_spec(function), ty: TypeExpr::Base };
                cast_or_construct(ty, arguments)
            }
            Kind::TemplateFunction if self.source.text(function).starts_with("va_arg<") => {
                self.va_arg(function, arguments)
            }
            Kind::TemplateFunction => match self.named_cast(function) {
                Some(ty) => cast_or_construct(ty, arguments),
                None => self.template_call(function, arguments),
            },
            Kind::QualifiedIdentifier => self.template_call(function, arguments),
            Kind::ParenthesizedExpression if arguments.len() == 1 => self.cast_or_call(function, arguments),
            Kind::Identifier if self.names_class(function) => {
                let ty = TypeName { base: self.type_spec(function), ty: TypeExpr::Base };
                ExprKind::Construct(Box::new(ty), arguments)
            }
            _ => ExprKind::Call(Box::new(self.expr(function)), arguments),
        }
    }

    fn names_class(&mut self, name: Node<'t>) -> bool {
        let symbol = self.source.symbol(name);
        self.types.contains(&symbol) || self.is_unqualified_std(symbol)
    }

    /// `va_arg<T>(list)`, which is how `va_arg(list, T)` is written for the grammar.
    fn va_arg(&mut self, function: Node<'t>, mut arguments: Vec<Expr>) -> ExprKind {
        let list = self.field(function, self.f.arguments);
        let target = list.and_then(|list| self.first(list)).map(|target| self.type_name(target));
        match (arguments.pop(), target) {
            (Some(list), Some(target)) => ExprKind::VaArg(Box::new(list), Box::new(target)),
            _ => ExprKind::Unknown(arguments),
        }
    }

    /// The target of `static_cast<T>` and its like.
    fn named_cast(&mut self, function: Node<'t>) -> Option<TypeName> {
        let name = self.field(function, self.f.name)?;
        let is_cast = matches!(
            &*self.source.text(name),
            "static_cast" | "reinterpret_cast" | "const_cast" | "dynamic_cast" | "bit_cast"
        );
        let list = self.field(function, self.f.arguments).filter(|_| is_cast)?;
        let target = self.first(list)?;
        Some(self.type_name(target))
    }

    /// `std::vector<char>(n)` makes an object, `std::move(x)` calls a function.
    fn template_call(&mut self, function: Node<'t>, arguments: Vec<Expr>) -> ExprKind {
        let name = self.class_name(function);
        let is_type = match name.scope.as_str() {
            "std" => is_std_class(name.last.as_str()),
            _ => self.types.contains(&name.last) && name.last != name.scope,
        };
        if !is_type {
            return ExprKind::Call(Box::new(self.expr(function)), arguments);
        }
        let base = self.template_type(function).unwrap_or(TypeExpr::Named(name.full()));
        ExprKind::Construct(Box::new(TypeName { base, ty: TypeExpr::Base }), arguments)
    }

    /// A function name with template arguments, read as a type.
    fn template_type(&mut self, function: Node<'t>) -> Option<TypeExpr> {
        let name = self.class_name(function).full();
        let mut last = function;
        while self.kind(last) == Kind::QualifiedIdentifier {
            last = self.field(last, self.f.name)?;
        }
        if self.kind(last) != Kind::TemplateFunction {
            return None;
        }
        let arguments = self.field(last, self.f.arguments)?;
        Some(TypeExpr::Template(name, self.type_arguments(arguments)))
    }

    /// `(name)(x)`: a cast if the name is that of a type as far as one can see.
    fn cast_or_call(&mut self, function: Node<'t>, mut arguments: Vec<Expr>) -> ExprKind {
        let inner = self.first(function);
        let named = inner.filter(|&inner| {
            let name = self.source.text(inner);
            match self.kind(inner) {
                Kind::Identifier => is_library_type(&name) || self.types.contains(&Symbol::new(&name)),
                Kind::QualifiedIdentifier => is_library_type(&name),
                _ => false,
            }
        });
        match (named, arguments.pop()) {
            (Some(ty), Some(value)) => {
                let ty = TypeName { base: self.type_spec(ty), ty: TypeExpr::Base };
                ExprKind::Cast(Box::new(ty), Box::new(value))
            }
            (_, value) => ExprKind::Call(Box::new(self.expr(function)), value.into_iter().collect()),
        }
    }

    /// `T{args}`, or C's `(T){ ... }`.
    fn compound_literal(&mut self, node: Node<'t>) -> ExprKind {
        let ty = self.type_name_field(node);
        let value = self.field(node, self.f.value);
        let is_c = self.field(node, self.f.ty).is_some_and(|ty| self.kind(ty) == Kind::TypeDescriptor);
        match value {
            Some(value) if is_c => ExprKind::CompoundLiteral(ty, Box::new(self.init_list(value))),
            Some(value) => cast_or_construct(*ty, self.arguments(value)),
            None => ExprKind::Unknown(Vec::new()),
        }
    }

    fn sizeof(&mut self, node: Node<'t>) -> ExprKind {
        if self.field(node, self.f.ty).is_some() {
            return ExprKind::SizeofType(self.type_name_field(node));
        }
        let value = self.boxed_field(node, self.f.value);
        let is_type = matches!(&value.kind, ExprKind::Ident(name)
            if is_library_type(name.as_str()) || self.types.contains(name));
        match type_named_by(&value.kind) {
            Some(base) if is_type => ExprKind::SizeofType(Box::new(TypeName { base, ty: TypeExpr::Base })),
            _ => ExprKind::SizeofExpr(value),
        }
    }

    /// `{ a, .b = c }`
    pub(super) fn init_list(&mut self, node: Node<'t>) -> Init {
        let span = self.span(node);
        if self.depth >= super::MAX_DEPTH {
            return Init::List(Vec::new(), span);
        }
        self.depth += 1;
        let mut entries = Vec::new();
        for (_, child) in self.children(node) {
            entries.push(self.init_entry(child));
        }
        self.depth -= 1;
        Init::List(entries, span)
    }

    fn init_entry(&mut self, node: Node<'t>) -> InitEntry {
        let mut designators = Vec::new();
        let value = if self.kind(node) == Kind::InitializerPair {
            for (field, child) in self.children(node) {
                if field == self.f.designator {
                    designators.extend(self.designator(child));
                }
            }
            self.field(node, self.f.value)
        } else {
            Some(node)
        };
        let value = match value {
            Some(value) if self.kind(value) == Kind::InitializerList => self.init_list(value),
            value => Init::Expr(*self.boxed(value, node)),
        };
        InitEntry { designators, value }
    }

    fn designator(&mut self, node: Node<'t>) -> Option<Designator> {
        match self.kind(node) {
            Kind::FieldIdentifier => Some(Designator::Field(self.source.symbol(node))),
            Kind::FieldDesignator => self.first(node).map(|name| Designator::Field(self.source.symbol(name))),
            Kind::SubscriptDesignator => self.first(node).map(|index| Designator::Index(self.expr(index))),
            Kind::SubscriptRangeDesignator => {
                let start = self.boxed_field(node, self.f.start);
                Some(Designator::Range(*start, *self.boxed_field(node, self.f.end)))
            }
            _ => None,
        }
    }

    fn new_expression(&mut self, node: Node<'t>) -> ExprKind {
        let base = self.field(node, self.f.ty).map_or(TypeExpr::Unknown, |ty| self.type_spec(ty));
        let mut ty = TypeExpr::Base;
        for _ in 0..self.source.stars_at(node) {
            ty = TypeExpr::Pointer(Box::new(ty));
        }
        let mut lengths = Vec::new();
        let mut declarator = self.field(node, self.f.declarator);
        while let Some(inner) = declarator {
            lengths.extend(self.field(inner, self.f.length).map(|length| self.expr(length)));
            let nested = self.children(inner).into_iter().map(|(_, child)| child);
            declarator = nested.into_iter().find(|&child| self.kind(child) == Kind::NewDeclarator);
        }
        let mut lengths = lengths.into_iter();
        let count = lengths.next().map(Box::new);
        for length in lengths.rev() {
            ty = TypeExpr::Array(Box::new(ty), Some(Box::new(length)));
        }
        let ty = Box::new(TypeName { base, ty });
        let args = self.field(node, self.f.arguments).map(|a| self.arguments(a)).unwrap_or_default();
        match self.field(node, self.f.placement) {
            None => ExprKind::New { ty, count, args, nothrow: false },
            Some(list) => self.placement_new(node, list, ty, count, args),
        }
    }

    /// `new (std::nothrow) T` allocates and may give null; `new (buffer) T` allocates nothing.
    fn placement_new(
        &mut self,
        node: Node<'t>,
        placement: Node<'t>,
        ty: Box<TypeName>,
        count: Option<Box<Expr>>,
        args: Vec<Expr>,
    ) -> ExprKind {
        if self.source.text(placement).contains("nothrow") {
            return ExprKind::New { ty, count, args, nothrow: true };
        }
        let mut places = self.arguments(placement).into_iter();
        let Some(place) = places.next() else {
            return ExprKind::New { ty, count, args, nothrow: false };
        };
        let pointer = TypeExpr::Pointer(Box::new(ty.ty.clone()));
        let target = TypeName { base: ty.base.clone(), ty: pointer };
        let value = ExprKind::Cast(Box::new(target), Box::new(place));
        let value = self.expr_at(node, value);
        let effects = places.chain(count.map(|count| *count)).chain(args);
        effects
            .fold(value, |value, effect| {
                self.expr_at(node, ExprKind::Comma(Box::new(effect), Box::new(value)))
            })
            .kind
    }

    /// A lambda's body becomes a function of its own. Variables of the surrounding function that
    /// it uses become further parameters, so that they have a type and no known value.
    fn lambda(&mut self, node: Node<'t>) -> ExprKind {
        let Some(body) = self.field(node, self.f.body) else { return ExprKind::Lambda(Symbol::EMPTY) };
        self.lambdas += 1;
        let name = Symbol::new(&format!("{}$lambda{}", self.function, self.lambdas));
        let ret = TypeExpr::TypeOf(None);
        let scope = self.visible.len();
        let (ty, span) = match self.field(node, self.f.declarator) {
            Some(declarator) => (self.declarator(declarator, ret).ty, self.span(node)),
            None => (
                TypeExpr::Function { ret: Box::new(ret), params: Vec::new(), variadic: false },
                self.span(node),
            ),
        };
        let captured = self.captured(node, body, &ty);
        if let Some(declarator) = self.field(node, self.f.declarator) {
            self.remember_params(declarator);
        }
        let block = self.block(body);
        self.visible.truncate(scope);
        let ty = match ty {
            TypeExpr::Function { ret, mut params, variadic } => {
                params.extend(captured);
                TypeExpr::Function { ret, params, variadic }
            }
            other => TypeExpr::Function { ret: Box::new(other), params: captured, variadic: false },
        };
        let specs = DeclSpecs { is_static: self.class.is_none(), ..DeclSpecs::default() };
        let end_line = self.source.end_line(node);
        let errors = self.errors_within(body);
        let (class, ctor_inits) = (self.class, Vec::new());
        let namespace = self.namespace;
        let function = FunctionDef {
            name,
            span,
            end_line,
            specs,
            ty,
            body: block,
            class,
            namespace,
            ctor_inits,
            errors,
        };
        self.push(Decl::Function(Box::new(function)));
        ExprKind::Lambda(name)
    }

    /// Parameters for the variables in scope that the body of a lambda names.
    fn captured(&mut self, node: Node<'t>, body: Node<'t>, ty: &TypeExpr) -> Vec<Param> {
        let own: FxHashSet<Symbol> = match ty {
            TypeExpr::Function { params, .. } => params.iter().map(|param| param.name).collect(),
            _ => FxHashSet::default(),
        };
        let mut out = self.init_captures(node);
        if self.visible.is_empty() {
            return out;
        }
        let used = self.names_used(body);
        let mut seen = own;
        seen.extend(out.iter().map(|param| param.name));
        for at in (0..self.visible.len()).rev() {
            let Visible { name, ty, declarator } = self.visible[at];
            if used.contains(&name) && seen.insert(name) {
                let base = ty.map_or(TypeExpr::Unknown, |ty| self.named_only(ty));
                let declared = self.declarator(declarator, TypeExpr::Base);
                // A variable that looked like a function, see `constructor_arguments`.
                let ty = match declared.ty {
                    TypeExpr::Function { .. } => TypeExpr::Base,
                    ty => ty,
                };
                out.push(Param { name, span: declared.span, base, ty });
            }
        }
        out
    }

    /// A type specifier without the definition it may hold.
    fn named_only(&mut self, node: Node<'t>) -> TypeExpr {
        match self.kind(node) {
            Kind::StructSpecifier | Kind::ClassSpecifier | Kind::UnionSpecifier | Kind::EnumSpecifier => self
                .field(node, self.f.name)
                .map_or(TypeExpr::Unknown, |name| TypeExpr::Named(self.name(name).last)),
            _ => self.type_spec(node),
        }
    }

    /// `[x = value]` declares an `x` of its own.
    fn init_captures(&mut self, node: Node<'t>) -> Vec<Param> {
        let mut out = Vec::new();
        for (_, list) in self.children(node) {
            if self.kind(list) != Kind::LambdaCaptures {
                continue;
            }
            for (_, capture) in self.children(list) {
                if self.kind(capture) != Kind::LambdaCaptureInitializer {
                    continue;
                }
                if let Some(left) = self.field(capture, self.f.left) {
                    let (name, span): (Symbol, Span) = (self.source.symbol(left), self.span(left));
                    out.push(Param { name, span, base: TypeExpr::Unknown, ty: TypeExpr::Base });
                }
            }
        }
        out
    }

    fn names_used(&mut self, body: Node<'t>) -> FxHashSet<Symbol> {
        let mut out = FxHashSet::default();
        let mut pending = vec![body];
        while let Some(node) = pending.pop() {
            if self.kind(node) == Kind::Identifier {
                out.insert(self.source.symbol(node));
            }
            pending.extend(self.children(node).into_iter().map(|(_, child)| child));
        }
        out
    }
}

fn small_int(value: u64) -> ExprKind {
    ExprKind::Int { value, unsigned: false, longs: 0, based: false }
}

/// `int(x)` and `int{x}` convert, `T(x)` constructs.
fn cast_or_construct(ty: TypeName, mut arguments: Vec<Expr>) -> ExprKind {
    let is_class = matches!(ty.ty, TypeExpr::Base) && !matches!(ty.base, TypeExpr::Builtin(_));
    match arguments.len() {
        1 if !is_class => {
            let value = arguments.pop().map(Box::new);
            value.map_or(ExprKind::Unknown(Vec::new()), |value| ExprKind::Cast(Box::new(ty), value))
        }
        0 if !is_class => small_int(0),
        _ => ExprKind::Construct(Box::new(ty), arguments),
    }
}

fn binary_op(operator: &str) -> Option<BinaryOp> {
    Some(match operator {
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "%" => BinaryOp::Rem,
        "&" | "bitand" | "and_eq" => BinaryOp::And,
        "|" | "bitor" | "or_eq" => BinaryOp::Or,
        "^" | "xor" | "xor_eq" => BinaryOp::Xor,
        "<<" => BinaryOp::Shl,
        ">>" => BinaryOp::Shr,
        "==" => BinaryOp::Eq,
        "!=" | "not_eq" => BinaryOp::Ne,
        "<" => BinaryOp::Lt,
        "<=" => BinaryOp::Le,
        ">" => BinaryOp::Gt,
        ">=" => BinaryOp::Ge,
        _ => return None,
    })
}
