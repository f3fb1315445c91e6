//! The syntax tree on few characters, for comparing.

use crate::ast::*;

/// One line for each declaration.
pub fn unit(unit: &TranslationUnit) -> String {
    let mut out: Vec<String> = unit.decls.iter().map(decl).collect();
    out.extend(unit.errors.iter().map(|e| format!("ERROR {}: {}", e.span.line, e.message)));
    out.join("\n")
}

fn decl(decl: &Decl) -> String {
    match decl {
        Decl::Function(f) => function(f),
        Decl::Vars(v) => vars(v),
        Decl::Class(r) => record(r),
    }
}

fn function(f: &FunctionDef) -> String {
    let inits: Vec<String> = f.ctor_inits.iter().map(|(n, a, _)| format!(" :{n}({})", exprs(a))).collect();
    let storage = if f.specs.is_static { "static " } else { "" };
    let errors = if f.errors.is_empty() { String::new() } else { format!(" !{}", f.errors.len()) };
    format!(
        "{storage}{} = {}{} {{{}}}{errors}",
        f.name,
        ty(&f.ty, None),
        inits.concat(),
        stmts(&f.body.stmts)
    )
}

fn vars(v: &VarDecl) -> String {
    let mut out = String::new();
    for (on, word) in
        [(v.specs.is_typedef, "typedef "), (v.specs.is_static, "static "), (v.specs.is_extern, "extern ")]
    {
        out.push_str(if on { word } else { "" });
    }
    if v.declarators.is_empty() {
        return out + &ty(&v.base, None);
    }
    let each: Vec<String> = v.declarators.iter().map(|d| declarator(d, &v.base)).collect();
    out + &each.join(", ")
}

fn declarator(d: &Declarator, base: &TypeExpr) -> String {
    let bits = d.bits.as_ref().map(|b| format!(" :{}", expr(b))).unwrap_or_default();
    let init = match &d.init {
        Some(i) => format!(" = {}", self::init(i)),
        None => String::new(),
    };
    format!("{} {}{bits}{init}", ty(&d.ty, Some(base)), d.name)
}

fn init(i: &Init) -> String {
    match i {
        Init::Expr(e) => expr(e),
        Init::Construct(args, _) => format!("construct({})", exprs(args)),
        Init::List(entries, _) => {
            let entry = |e: &InitEntry| {
                let designators: Vec<String> = e.designators.iter().map(designator).collect();
                designators.concat() + &init(&e.value)
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

fn designator(d: &Designator) -> String {
    match d {
        Designator::Field(name) => format!(".{name}="),
        Designator::Index(at) => format!("[{}]=", expr(at)),
        Designator::Range(a, b) => format!("[{}...{}]=", expr(a), expr(b)),
    }
}

fn record(r: &RecordSpec) -> String {
    let bases: Vec<&str> = r.bases.iter().map(|b| b.as_str()).collect();
    let bases = if bases.is_empty() { String::new() } else { format!(" : {}", bases.join(", ")) };
    let Some(members) = &r.members else { return format!("{:?} {}{bases}", r.kind, r.tag).to_lowercase() };
    let member = |m: &Member| match m {
        Member::Field(v) => vars(v),
        Member::Method { name, is_virtual, is_static, ty: t } => {
            let storage = if *is_static { "static " } else { "" };
            let kind = if *is_virtual { "virtual " } else { "" };
            format!("{storage}{kind}{name}: {}", ty(t, None))
        }
    };
    let members: Vec<String> = members.iter().map(member).collect();
    format!("{}{bases} {{{}}}", r.tag, members.join("; "))
}

pub fn ty(t: &TypeExpr, base: Option<&TypeExpr>) -> String {
    let inner = |t: &TypeExpr| ty(t, base);
    match t {
        TypeExpr::Builtin(b) => format!("{b:?}").to_lowercase(),
        TypeExpr::Named(name) => name.to_string(),
        TypeExpr::Record(r) => record(r),
        TypeExpr::Enum(e) => {
            let constants = e.constants.iter().flatten();
            let constants = constants
                .map(|(n, v)| v.as_ref().map_or(n.to_string(), |v| format!("{n}={}", expr(v))))
                .collect::<Vec<_>>();
            format!("enum {} {{{}}}", e.tag, constants.join(", "))
        }
        TypeExpr::Base => base.map_or("BASE".into(), |b| ty(b, None)),
        TypeExpr::Pointer(to) => inner(to) + "*",
        TypeExpr::Reference(to) => inner(to) + "&",
        TypeExpr::Array(of, count) => {
            format!("{}[{}]", inner(of), count.as_ref().map(|c| expr(c)).unwrap_or_default())
        }
        TypeExpr::Function { ret, params, variadic } => {
            let mut all: Vec<String> = params
                .iter()
                .map(|p| format!("{} {}", ty(&p.ty, Some(&p.base)), p.name).trim_end().to_string())
                .collect();
            if *variadic {
                all.push("...".into());
            }
            format!("{}({})", inner(ret), all.join(", "))
        }
        TypeExpr::TypeOf(Some(e)) => format!("typeof({})", expr(e)),
        TypeExpr::TypeOf(None) => "auto".into(),
        TypeExpr::Template(name, args) => {
            format!("{name}<{}>", args.iter().map(inner).collect::<Vec<_>>().join(", "))
        }
        TypeExpr::Unknown => "?".into(),
    }
}

fn type_name(t: &TypeName) -> String {
    ty(&t.ty, Some(&t.base))
}

fn stmts(all: &[Stmt]) -> String {
    all.iter().map(stmt).collect::<Vec<_>>().join("; ")
}

fn before(init: &Option<Box<Stmt>>) -> String {
    init.as_ref().map(|i| stmt(i) + "; ").unwrap_or_default()
}

fn stmt(s: &Stmt) -> String {
    match &s.kind {
        StmtKind::Empty => String::new(),
        StmtKind::Expr(e) => expr(e),
        StmtKind::Decl(v) => vars(v),
        StmtKind::Block(b) => format!("{{{}}}", stmts(&b.stmts)),
        StmtKind::If { init, cond, then, other } => {
            let other = other.as_ref().map(|o| format!(" else {}", stmt(o))).unwrap_or_default();
            format!("if ({}{}) {}{other}", before(init), expr(cond), stmt(then))
        }
        StmtKind::MacroLoop { call: cond, body } | StmtKind::While { cond, body } => {
            format!("while ({}) {}", expr(cond), stmt(body))
        }
        StmtKind::DoWhile { body, cond } => format!("do {} while ({})", stmt(body), expr(cond)),
        StmtKind::For { init, cond, step, body } => {
            let opt = |e: &Option<Expr>| e.as_ref().map(expr).unwrap_or_default();
            let init = init.as_ref().map(|i| stmt(i)).unwrap_or_default();
            format!("for ({init}; {}; {}) {}", opt(cond), opt(step), stmt(body))
        }
        StmtKind::RangeFor { var, range, body } => {
            format!("for ({} : {}) {}", vars(var), expr(range), stmt(body))
        }
        StmtKind::Switch { init, value, body } => {
            format!("switch ({}{}) {}", before(init), expr(value), stmt(body))
        }
        StmtKind::Case { low, body, .. } => format!("case {}: {}", expr(low), stmt(body)),
        StmtKind::Default(body) => format!("default: {}", stmt(body)),
        StmtKind::Label(name, body) => format!("{name}: {}", stmt(body)),
        StmtKind::Goto(name) => format!("goto {name}"),
        StmtKind::GotoComputed(e) => format!("goto *{}", expr(e)),
        StmtKind::Break => "break".into(),
        StmtKind::Continue => "continue".into(),
        StmtKind::Return(value) => format!("return {}", value.as_ref().map(expr).unwrap_or_default()),
        StmtKind::Try { body, handlers } => {
            let handler = |(var, b): &(Option<VarDecl>, Block)| {
                let var = var.as_ref().map_or("...".into(), vars);
                format!(" catch ({var}) {{{}}}", stmts(&b.stmts))
            };
            let handlers: Vec<String> = handlers.iter().map(handler).collect();
            format!("try {{{}}}{}", stmts(&body.stmts), handlers.concat())
        }
        StmtKind::Asm(outputs) => format!("asm({})", exprs(outputs)),
        StmtKind::Error(text) => format!("ERROR<{text}>"),
    }
}

fn exprs(all: &[Expr]) -> String {
    all.iter().map(expr).collect::<Vec<_>>().join(", ")
}

pub fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Ident(name) => name.to_string(),
        ExprKind::Int { value, .. } => value.to_string(),
        ExprKind::Float(f) => format!("{f:?}"),
        ExprKind::Char(c) => format!("'{c}'"),
        ExprKind::Str { text, wide, .. } => format!("{}{text:?}", if *wide { "L" } else { "" }),
        ExprKind::Unary(op, of) => format!("{op:?}({})", expr(of)),
        ExprKind::Binary(op, a, b) => format!("{op:?}({}, {})", expr(a), expr(b)),
        ExprKind::Logical { and, left, right } => {
            format!("({} {} {})", expr(left), if *and { "&&" } else { "||" }, expr(right))
        }
        ExprKind::Assign(op, a, b) => {
            format!("{} {}= {}", expr(a), op.map(|op| format!("{op:?}")).unwrap_or_default(), expr(b))
        }
        ExprKind::Conditional(c, a, b) => {
            format!("({} ? {} : {})", expr(c), a.as_ref().map(|a| expr(a)).unwrap_or_default(), expr(b))
        }
        ExprKind::Call(f, args) => format!("{}({})", expr(f), exprs(args)),
        ExprKind::Index(a, i) => format!("{}[{}]", expr(a), expr(i)),
        ExprKind::Member { base, name, arrow } => {
            format!("{}{}{name}", expr(base), if *arrow { "->" } else { "." })
        }
        ExprKind::Cast(t, of) => format!("({}){}", type_name(t), expr(of)),
        ExprKind::CompoundLiteral(t, i) => format!("({}){}", type_name(t), init(i)),
        ExprKind::SizeofExpr(of) => format!("sizeof {}", expr(of)),
        ExprKind::SizeofType(t) => format!("sizeof({})", type_name(t)),
        ExprKind::AlignofType(t) => format!("alignof({})", type_name(t)),
        ExprKind::StmtExpr(b) => format!("({{{}}})", stmts(&b.stmts)),
        ExprKind::Comma(a, b) => format!("({}, {})", expr(a), expr(b)),
        ExprKind::This => "this".into(),
        ExprKind::New { ty: t, count, args, nothrow } => {
            let count = count.as_ref().map(|c| format!("[{}]", expr(c))).unwrap_or_default();
            let nothrow = if *nothrow { "nothrow " } else { "" };
            format!("new {nothrow}{}{count}({})", type_name(t), exprs(args))
        }
        ExprKind::Delete { array, value } => {
            format!("delete{} {}", if *array { "[]" } else { "" }, expr(value))
        }
        ExprKind::Throw(value) => format!("throw {}", value.as_ref().map(|v| expr(v)).unwrap_or_default()),
        ExprKind::Construct(t, args) => format!("make {}({})", type_name(t), exprs(args)),
        ExprKind::Lambda(name) => format!("lambda {name}"),
        ExprKind::Unknown(parts) => format!("unknown({})", exprs(parts)),
        other => format!("{other:?}"),
    }
}
