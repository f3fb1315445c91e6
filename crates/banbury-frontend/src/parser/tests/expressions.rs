use super::{check_body, check_expr};

#[test]
fn operators() {
    check_expr("a + b * c", "(Add a (Mul b c))");
    check_expr("a - b - c", "(Sub (Sub a b) c)");
    check_expr("a = b = c", "(= a (= b c))");
    check_expr("a << 2 | b & 3 ^ d", "(Or (Shl a 2) (Xor (And b 3) d))");
    check_expr("a && b || c == d", "(|| (&& a b) (Eq c d))");
    check_expr("a ? b : c ? d : e", "(? a b (? c d e))");
    check_expr("a ?: b", "(?: a b)");
    check_expr("-a++ + ~*--p", "(Add (Minus (PostInc a)) (BitNot (Deref (PreDec p))))");
    check_expr("!a != b", "(Ne (Not a) b)");
    check_expr("(a, b)", "(, a b)");
    check_expr("a[i][j].b->c(d, e)", "(a[i][j].b->c d e)");
    check_expr("&&label", "&&label");
    check_body("a += 2, b >>= c;", "(, (Add= a 2) (Shr= b c))");
}

#[test]
fn literals() {
    check_expr(r#""a" "b\n""#, r#""ab\n""#);
    check_expr(r#"L"a""#, r#"L"a""#);
    check_expr(r#""%" PRIu64 "\n""#, r#""%lu\n""#);
    check_expr(r#"PREFIX "text""#, r#""text""#);
    check_expr(r#"LEVEL NAME "text""#, r#""text""#);
    check_expr("'\\n' + 'a'", "(Add '10' '97')");
    check_expr("0x10UL + 1.5f", "(Add 16ul 1.5)");
}

#[test]
fn casts() {
    check_expr("(int)a", "(cast int a)");
    check_expr("(T)a", "(cast T a)");
    check_expr("(T)(a)", "(cast T a)");
    check_expr("(v)(a)", "(v a)");
    check_expr("(v) - 1", "(Sub v 1)");
    check_expr("(T) - 1", "(cast T (Minus 1))");
    check_expr("(T *)a->b", "(cast *T a->b)");
    check_expr("(foo *)a", "(cast *foo a)");
    check_expr("(foo)a", "(cast foo a)");
    check_expr("(foo *)(a) + 1", "(Add (cast *foo a) 1)");
    check_expr("(foo)(a)", "(foo a)");
    check_expr("(foo)(bar)b", "(cast foo (cast bar b))");
    check_expr("(foo_t)(a)", "(cast foo_t a)");
    check_expr("(DWORD)(a)", "(cast DWORD a)");
    check_expr("(a) * b", "(Mul a b)");
    check_expr("(a * b)", "(Mul a b)");
    check_expr("(a * b) - c", "(Sub (Mul a b) c)");
    check_expr("(a) *b", "(cast a (Deref b))");
    check_expr("(const struct s *)a", "(cast *struct s a)");
    check_expr("(void (*)(int))a", "(cast *(int)->void a)");
    check_expr("(T (*)[3])a", "(cast *[3]T a)");
    check_expr("(struct s __user *)a", "(cast *struct s a)");
    check_expr("(__force foo)a", "(cast foo a)");
    check_expr("(STACK_OF(X509) *)a", "(cast *? a)");
    check_expr("(unsigned char)*p++", "(cast uchar (Deref (PostInc p)))");
    check_expr("(struct s){1, .b = 2}", "(literal struct s {1, .b=2})");
    check_expr("BAD_CAST p->name", "p->name");
    check_expr("DIR_NAME FILE_NAME", "(? DIR_NAME FILE_NAME)");
    check_expr("&(T){ 0 }", "(AddrOf (literal T {0}))");
    check_expr("(int[]){1, 2}[0]", "(literal []int {1, 2})[0]");
}

#[test]
fn sizes() {
    check_expr("sizeof(int)", "(sizeof-type int)");
    check_expr("sizeof(T)", "(sizeof-type T)");
    check_expr("sizeof(T *)", "(sizeof-type *T)");
    check_expr("sizeof(foo *)", "(sizeof-type *foo)");
    check_expr("sizeof(v)", "(sizeof v)");
    check_expr("sizeof(foo)", "(sizeof foo)");
    check_expr("sizeof a[0]", "(sizeof a[0])");
    check_expr("sizeof(a) / sizeof(*a)", "(Div (sizeof a) (sizeof (Deref a)))");
    check_expr("sizeof(a)->b", "(sizeof a->b)");
    check_expr("sizeof(struct s) * n", "(Mul (sizeof-type struct s) n)");
    check_expr("sizeof(int){1}", "(sizeof (literal int {1}))");
    check_expr("sizeof(T[3])", "(sizeof-type [3]T)");
    check_expr("_Alignof(T)", "(alignof T)");
}

#[test]
fn builtins() {
    check_expr("__builtin_offsetof(struct s, a.b[2])", "(offsetof struct s .a.b[2])");
    check_expr("offsetof(T, m) + 1", "(Add (offsetof T .m) 1)");
    check_expr("va_arg(ap, char *)", "(va_arg ap *char)");
    check_expr("__builtin_va_arg(ap, T)", "(va_arg ap T)");
    check_expr("_Generic(a, int: 1, T *: f, default: g)(b)", "((generic a int:1 *T:f default:g) b)");
    check_expr("__builtin_choose_expr(1, a, b)", "(? 1 a b)");
    check_expr(
        "__builtin_types_compatible_p(int, T)",
        "(__builtin_types_compatible_p (sizeof-type int) (sizeof-type T))",
    );
    check_expr("({ int y = 1; y; })", "(stmts {(var int [y = 1]) y})");
    check_expr("__extension__ ({ f(); })", "(stmts {(f)})");
}

#[test]
fn odd_arguments() {
    check_expr("container_of(p, struct s, m)", "(container_of p (sizeof-type struct s) m)");
    check_expr("g_new(foo *, 3)", "(g_new (sizeof-type *foo) 3)");
    check_expr("alloc(T)", "(alloc (sizeof-type T))");
    check_expr("cmp(a, <, b)", "(cmp a ? b)");
    check_expr("m(a, , b)", "(m a ? b)");
    check_expr("m(a b, c)", "(m (? a) c)");
    check_expr("m(int i = 0, c)", "(m ? c)");
    check_expr("check(a, return -1)", "(check a ?)");
    check_expr("m({1, 2}, c)", "(m ? c)");
    check_expr("m({ f(); }, c)", "(m (stmts {(f)}) c)");
    check_expr("f(g(h(a b)))", "(f (g (h (? a))))");
}
