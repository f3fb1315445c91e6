//! The syntax tree as one line of S-expressions, for comparison in tests.

use crate::ast::*;

pub(super) fn unit(unit: &TranslationUnit) -> String {
    let mut out: Vec<String> = unit.decls.iter().map(decl).collect();
    out.extend(unit.errors.iter().map(|e| format!("(error {})", e.message)));
    out.join(" ")
}

fn decl(d: &Decl) -> String {
    match d {
        Decl::Function(f) => function(f),
        Decl::Vars(v) => vars(v),
        Decl::Class(_) => "(class)".into(),
    }
}

fn function(f: &FunctionDef) -> String {
    let errors = if f.errors.is_empty() { String::new() } else { format!(" !{}", f.errors.len()) };
    format!("(fn{} {} {} {}{errors})", specs(&f.specs), f.name, ty(&f.ty), block(&f.body))
}

fn specs(s: &DeclSpecs) -> String {
    let mut out = String::new();
    for (set, name) in [
        (s.is_typedef, "typedef"),
        (s.is_static, "static"),
        (s.is_extern, "extern"),
        (s.is_inline, "inline"),
        (s.is_noreturn, "noreturn"),
    ] {
        if set {
            out.push(':');
            out.push_str(name);
        }
    }
    for attribute in &s.attributes {
        out.push('@');
        out.push_str(attribute.as_str());
    }
    out
}

pub(super) fn vars(v: &VarDecl) -> String {
    let mut out = format!("(var{} {}", specs(&v.specs), ty(&v.base));
    for d in &v.declarators {
        out.push_str(&format!(" [{}", if d.name.is_empty() { "_" } else { d.name.as_str() }));
        if !matches!(d.ty, TypeExpr::Base) {
            out.push_str(&format!(" {}", ty(&d.ty)));
        }
        if let Some(bits) = &d.bits {
            out.push_str(&format!(" :{}", expr(bits)));
        }
        for attribute in &d.attributes {
            out.push_str(&format!(" @{attribute}"));
        }
        if let Some(value) = &d.init {
            out.push_str(&format!(" = {}", init(value)));
        }
        out.push(']');
    }
    out + ")"
}

fn ty(t: &TypeExpr) -> String {
    match t {
        TypeExpr::Builtin(b) => format!("{b:?}").to_lowercase(),
        TypeExpr::Named(n) => n.to_string(),
        TypeExpr::Base => "%".into(),
        TypeExpr::Unknown => "?".into(),
        TypeExpr::Pointer(t) => format!("*{}", ty(t)),
        TypeExpr::Reference(t) => format!("&{}", ty(t)),
        TypeExpr::Array(t, None) => format!("[]{}", ty(t)),
        TypeExpr::Array(t, Some(n)) => format!("[{}]{}", expr(n), ty(t)),
        TypeExpr::TypeOf(None) => "auto".into(),
        TypeExpr::TypeOf(Some(e)) => format!("typeof({})", expr(e)),
        TypeExpr::Template(n, _) => format!("{n}<>"),
        TypeExpr::Enum(e) => {
            let mut out = format!("enum {}", e.tag);
            if let Some(constants) = &e.constants {
                let list: Vec<String> = constants
                    .iter()
                    .map(|(n, v)| v.as_ref().map_or(n.to_string(), |v| format!("{n}={}", expr(v))))
                    .collect();
                out.push_str(&format!("{{{}}}", list.join(" ")));
            }
            out
        }
        TypeExpr::Record(r) => {
            let mut out = format!("{} {}", format!("{:?}", r.kind).to_lowercase(), r.tag);
            if r.packed {
                out.push_str("@packed");
            }
            if let Some(members) = &r.members {
                let list: Vec<String> = members
                    .iter()
                    .map(|m| match m {
                        Member::Field(v) => vars(v),
                        Member::Method { name, .. } => name.to_string(),
                    })
                    .collect();
                out.push_str(&format!("{{{}}}", list.join(" ")));
            }
            out
        }
        TypeExpr::Function { ret, params, variadic } => {
            let mut list: Vec<String> = params.iter().map(param).collect();
            if *variadic {
                list.push("...".into());
            }
            format!("({})->{}", list.join(", "), ty(ret))
        }
    }
}

fn param(p: &Param) -> String {
    let outer = match &p.ty {
        TypeExpr::Base => ty(&p.base),
        other => ty(other).replacen('%', &ty(&p.base), 1),
    };
    if p.name.is_empty() { outer } else { format!("{} {outer}", p.name) }
}

fn type_name(t: &TypeName) -> String {
    match &t.ty {
        TypeExpr::Base => ty(&t.base),
        other => ty(other).replacen('%', &ty(&t.base), 1),
    }
}

fn init(i: &Init) -> String {
    match i {
        Init::Expr(e) => expr(e),
        Init::Construct(..) => "(construct)".into(),
        Init::List(entries, _) => {
            let list: Vec<String> = entries
                .iter()
                .map(|e| {
                    let path: String = e.designators.iter().map(designator).collect();
                    if path.is_empty() { init(&e.value) } else { format!("{path}={}", init(&e.value)) }
                })
                .collect();
            format!("{{{}}}", list.join(", "))
        }
    }
}

fn designator(d: &Designator) -> String {
    match d {
        Designator::Field(n) => format!(".{n}"),
        Designator::Index(e) => format!("[{}]", expr(e)),
        Designator::Range(a, b) => format!("[{}..{}]", expr(a), expr(b)),
    }
}

fn block(b: &Block) -> String {
    let list: Vec<String> = b.stmts.iter().map(stmt).collect();
    format!("{{{}}}", list.join(" "))
}

fn opt(e: &Option<Expr>) -> String {
    e.as_ref().map_or("_".into(), expr)
}

pub(super) fn stmt(s: &Stmt) -> String {
    match &s.kind {
        StmtKind::Empty => ";".into(),
        StmtKind::Expr(e) => expr(e),
        StmtKind::Decl(v) => vars(v),
        StmtKind::Block(b) => block(b),
        StmtKind::If { cond, then, other, .. } => match other {
            None => format!("(if {} {})", expr(cond), stmt(then)),
            Some(other) => format!("(if {} {} {})", expr(cond), stmt(then), stmt(other)),
        },
        StmtKind::MacroLoop { call: cond, body } | StmtKind::While { cond, body } => {
            format!("(while {} {})", expr(cond), stmt(body))
        }
        StmtKind::DoWhile { body, cond } => format!("(do {} {})", stmt(body), expr(cond)),
        StmtKind::For { init, cond, step, body } => {
            let init = init.as_ref().map_or("_".into(), |s| stmt(s));
            format!("(for {init} {} {} {})", opt(cond), opt(step), stmt(body))
        }
        StmtKind::RangeFor { .. } => "(range-for)".into(),
        StmtKind::Switch { value, body, .. } => format!("(switch {} {})", expr(value), stmt(body)),
        StmtKind::Case { low, high: None, body } => format!("(case {} {})", expr(low), stmt(body)),
        StmtKind::Case { low, high: Some(high), body } => {
            format!("(case {}..{} {})", expr(low), expr(high), stmt(body))
        }
        StmtKind::Default(body) => format!("(default {})", stmt(body)),
        StmtKind::Label(name, body) => format!("(label {name} {})", stmt(body)),
        StmtKind::Goto(name) => format!("(goto {name})"),
        StmtKind::GotoComputed(e) => format!("(goto *{})", expr(e)),
        StmtKind::Break => "break".into(),
        StmtKind::Continue => "continue".into(),
        StmtKind::Return(value) => format!("(return {})", opt(value)),
        StmtKind::Try { .. } => "(try)".into(),
        StmtKind::Asm(outputs) => format!("(asm {})", exprs(outputs)),
        StmtKind::Error(text) => format!("(error {text})"),
    }
}

fn exprs(list: &[Expr]) -> String {
    list.iter().map(expr).collect::<Vec<_>>().join(" ")
}

pub(super) fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Ident(n) => n.to_string(),
        ExprKind::Int { value, unsigned, longs, .. } => {
            format!("{value}{}{}", if *unsigned { "u" } else { "" }, "l".repeat(usize::from(*longs)))
        }
        ExprKind::Float(v) => format!("{v:?}"),
        ExprKind::Char(v) => format!("'{v}'"),
        ExprKind::Str { text, wide, .. } => format!("{}{:?}", if *wide { "L" } else { "" }, text.as_str()),
        ExprKind::Unary(op, a) => format!("({op:?} {})", expr(a)),
        ExprKind::Binary(op, a, b) => format!("({op:?} {} {})", expr(a), expr(b)),
        ExprKind::Logical { and, left, right } => {
            format!("({} {} {})", if *and { "&&" } else { "||" }, expr(left), expr(right))
        }
        ExprKind::Assign(None, a, b) => format!("(= {} {})", expr(a), expr(b)),
        ExprKind::Assign(Some(op), a, b) => format!("({op:?}= {} {})", expr(a), expr(b)),
        ExprKind::Conditional(c, None, b) => format!("(?: {} {})", expr(c), expr(b)),
        ExprKind::Conditional(c, Some(a), b) => format!("(? {} {} {})", expr(c), expr(a), expr(b)),
        ExprKind::Call(f, args) => match args.is_empty() {
            true => format!("({})", expr(f)),
            false => format!("({} {})", expr(f), exprs(args)),
        },
        ExprKind::Index(a, b) => format!("{}[{}]", expr(a), expr(b)),
        ExprKind::Member { base, name, arrow } => {
            format!("{}{}{name}", expr(base), if *arrow { "->" } else { "." })
        }
        ExprKind::Cast(t, a) => format!("(cast {} {})", type_name(t), expr(a)),
        ExprKind::CompoundLiteral(t, i) => format!("(literal {} {})", type_name(t), init(i)),
        ExprKind::SizeofExpr(a) => format!("(sizeof {})", expr(a)),
        ExprKind::SizeofType(t) => format!("(sizeof-type {})", type_name(t)),
        ExprKind::AlignofType(t) => format!("(alignof {})", type_name(t)),
        ExprKind::StmtExpr(b) => format!("(stmts {})", block(b)),
        ExprKind::Comma(a, b) => format!("(, {} {})", expr(a), expr(b)),
        ExprKind::VaArg(a, t) => format!("(va_arg {} {})", expr(a), type_name(t)),
        ExprKind::Offsetof(t, path) => {
            format!("(offsetof {} {})", type_name(t), path.iter().map(designator).collect::<String>())
        }
        ExprKind::Generic(c, arms) => {
            let arms: Vec<String> = arms
                .iter()
                .map(|(t, e)| format!("{}:{}", t.as_ref().map_or("default".into(), type_name), expr(e)))
                .collect();
            format!("(generic {} {})", expr(c), arms.join(" "))
        }
        ExprKind::LabelAddr(n) => format!("&&{n}"),
        ExprKind::Unknown(parts) => format!("(? {})", exprs(parts)).replace("(? )", "?"),
        _ => "(c++)".into(),
    }
}
