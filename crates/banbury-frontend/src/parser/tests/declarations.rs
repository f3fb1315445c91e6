use super::{check_body, check_file};

#[test]
fn specifiers() {
    check_file("unsigned long long int x;", "(var ulonglong [x])");
    check_file("long unsigned x;", "(var ulong [x])");
    check_file("static const char *const s = \"a\", c;", "(var:static char [s *% = \"a\"] [c])");
    check_file("x;", "");
    check_file("static x = 3;", "(var:static int [x = 3])");
    check_file("_Atomic(int) x; _Atomic int y;", "(var int [x]) (var int [y])");
    check_file("typeof(v) x; __typeof__(int *) y;", "(var typeof(v) [x]) (var *int [y])");
    check_file("__auto_type x = 1;", "(var auto [x = 1])");
    check_file("typedef unsigned char bool;", "(var:typedef uchar [bool])");
    check_file("bool x; wchar_t y; __int128 z;", "(var bool [x]) (var wchar [y]) (var int128 [z])");
    check_file("_Thread_local static int x;", "(var:static int [x])");
    check_file("T const *x; foo const y;", "(var T [x *%]) (var foo [y])");
}

#[test]
fn declarators() {
    check_file("int *a[3], (*b)[3];", "(var int [a [3]*%] [b *[3]%])");
    check_file("int (*f)(int, char *);", "(var int [f *(int, *char)->%])");
    check_file("int (*(*g)(void))[2];", "(var int [g *()->*[2]%])");
    check_file(
        "void (*signal(int n, void (*h)(int)))(int);",
        "(var void [signal (n int, h *(int)->void)->*(int)->%])",
    );
    check_file("int a[], b[N + 1], c[2][3];", "(var int [a []%] [b [(Add N 1)]%] [c [2][3]%])");
    check_file("int f(int a[static 3], int n, int b[*]);", "(var int [f (a [3]int, n int, b []int)->%])");
    check_file("int f(T, foo, struct s *, ...);", "(var int [f (T, foo, *struct s, ...)->%])");
    check_file("int (f)(T x);", "(var int [f (x T)->%])");
    check_file("T (*ops[])(void) = { a, b };", "(var T [ops []*()->% = {a, b}])");
    check_file("int (WINAPI *f)(int);", "(var int [f *(int)->%])");
    check_file("int (OTHER *f)(int);", "(var int [f *(int)->%])");
    check_file("int f(int (cb)(T), int x);", "(var int [f (cb (T)->int, x int)->%])");
    check_file("int f(foo (*cb)(void *));", "(var int [f (cb *(*void)->foo)->%])");
}

#[test]
fn attributes() {
    check_file(
        "int f(void) __attribute__((noreturn, format(printf, 1, 2)));",
        "(var int [f ()->% @noreturn @format @noreturn])",
    );
    check_file("__attribute__((__malloc__)) void *f(void);", "(var@malloc void [f ()->*%])");
    check_file("_Noreturn void f(void);", "(var:noreturn void [f ()->%])");
    check_file("[[nodiscard]] int f(void);", "(var@nodiscard int [f ()->%])");
    check_file("int x __attribute__((aligned(8))) = 1;", "(var int [x @aligned = 1])");
    check_file("extern int f(int) asm(\"g\");", "(var:extern int [f (int)->%])");
    check_file("struct s { int a; } __attribute__((packed));", "(var struct s@packed{(var int [a])})");
    check_file("struct __attribute__((packed)) s { int a; };", "(var struct s@packed{(var int [a])})");
    check_file("struct PACKED s { int a; } x;", "(var struct s{(var int [a])} [x])");
    check_file("__declspec(dllexport) int f(void);", "(var@dllexport int [f ()->%])");
    check_file("int f(int a __attribute__((unused)), int b UNUSED) {}", "(fn f (a int, b int)->int {})");
    check_file("int x __read_mostly = 3, y HIDDEN;", "(var int [x = 3] [y])");
    check_file("static int __init f(void) { }", "(fn:static f ()->int {})");
    check_file("FOO_API int f(void);\nFOO_API foo_t *g(void);", "(var int [f ()->%]) (var foo_t [g ()->*%])");
    check_file("FOO_API foo *f(bar x) { }", "(fn f (x bar)->*foo {})");
    check_file("static __always_inline foo f(void) { }", "(fn:static f ()->foo {})");
    check_file("__printf(1, 2)\nint f(const char *s, ...);", "(var int [f (s *char, ...)->%])");
    check_file("static __printf(1, 2) int f(void);", "(var:static int [f ()->%])");
    check_file("EXPORT(const char *) f(void) { }", "(fn f ()->*char {})");
    check_file("STACK_OF(X509) *f(const STACK_OF(X) *a) { }", "(fn f (a *?)->*? {})");
    check_file("struct foo __rcu *x; void *__iomem y;", "(var struct foo [x *%]) (var void [y *%])");
}

#[test]
fn records() {
    check_file(
        "struct s { int a : 3, : 2; union { int b; T *c; }; struct s *next; char tail[]; };",
        "(var struct s{(var int [a :3] [_ :2]) (var union {(var int [b]) (var T [c *%])}) (var struct s [next *%]) (var char [tail []%])})",
    );
    check_file(
        "typedef struct { int x; } foo, *pfoo; foo y;",
        "(var:typedef struct {(var int [x])} [foo] [pfoo *%]) (var foo [y])",
    );
    check_file("enum e { A, B = 2, C = B + 1, } x;", "(var enum e{A B=2 C=(Add B 1)} [x])");
    check_file(
        "struct s { TAILQ_ENTRY(t) link; DECLARE_BITMAP(bits, 8); int n; };",
        "(var struct s{(var ? [link]) (var ? [bits]) (var int [n])})",
    );
    check_file(
        "struct s { int (*f)(struct s *self); void *(*g)(void); };",
        "(var struct s{(var int [f *(self *struct s)->%]) (var void [g *()->*%])})",
    );
    check_file("struct s; enum e; struct s *p;", "(var struct s) (var enum e) (var struct s [p *%])");
    check_file(
        "struct s { ogs_x_t a; foo b; foo *c, d[2]; u8 e:1; };",
        "(var struct s{(var ogs_x_t [a]) (var foo [b]) (var foo [c *%] [d [2]%]) (var u8 [e :1])})",
    );
}

#[test]
fn initialisers() {
    check_file("int a[] = { 1, [3] = 2, [4 ... 6] = 3, };", "(var int [a []% = {1, [3]=2, [4..6]=3}])");
    check_file("T x = { .a = { 1 }, .b.c[2] = f, d: 4 };", "(var T [x = {.a={1}, .b.c[2]=f, .d=4}])");
    check_file("T x = { A(1), B, { 0 } };", "(var T [x = {(A 1), B, {0}}])");
}

#[test]
fn functions() {
    check_file(
        "int main(int argc, char **argv) { return 0; }",
        "(fn main (argc int, argv **char)->int {(return 0)})",
    );
    check_file("main() { }", "(fn main ()->int {})");
    check_file("int f(a, b) int a; char *b; { return a; }", "(fn f (a int, b *char)->int {(return a)})");
    check_file("f(a, b) T *a; { }", "(fn f (a *T, b int)->int {})");
    check_file("static f(a)\nint a;\n{ }", "(fn:static f (a int)->int {})");
    check_file("static\nstruct s *\nf(void)\n{\n}", "(fn:static f ()->*struct s {})");
    check_file(
        "extern \"C\" {\nint f(void);\nint g(void) { }\n}\nint h;",
        "(var int [f ()->%]) (fn g ()->int {}) (var int [h])",
    );
    check_file("int (*f(int x))(void) { return 0; }", "(fn f (x int)->*()->int {(return 0)})");
    check_file(
        "void f(void) { int g(int x) { return x; } g(1); }",
        "(fn f ()->void {; (g 1)}) (fn g (x int)->int {(return x)})",
    );
}

#[test]
fn macros_at_file_scope() {
    check_file("MODULE_LICENSE(\"GPL\");\nEXPORT_SYMBOL(f);\nint x;", "(var int [x])");
    check_file("MODULE(x)\nint y;\nmodule_init(f)\nstatic int z;", "(var int [y]) (var:static int [z])");
    check_file("static DEFINE_MUTEX(lock);\nint x;", "(var int [x])");
    check_file("DEFINE_X(struct s, name) = { .a = f };", "(var ? [name = {.a=f}])");
    check_file("static DEFINE_X(name) = 3;", "(var:static ? [name = 3])");
    check_file("DEFUN (func, func_cmd, \"a b\", HELP)\n{ return 1; }", "(fn func ()->int {(return 1)})");
    check_file(
        "SYSCALL_DEFINE2(open, const char __user *, name, int, flags)\n{ }",
        "(fn open (name *char, flags int)->int {})",
    );
    check_file("static DEFPY(func, cmd, \"x\") { f(); }", "(fn:static func ()->int {(f)})");
    check_file("funcdecl_x { f(); }", "(fn funcdecl_x ()->int {(f)})");
    check_file("TEST(suite, struct s *p) { }", "(fn suite (p *struct s)->int {})");
    check_file("G_BEGIN_DECLS\nint x;\nG_END_DECLS", "(var int [x])");
    check_file("_Static_assert(sizeof(int) == 4, \"x\"); asm(\"nop\"); ; int x;", "(var int [x])");
}

#[test]
fn locals() {
    check_body("foo x; foo *y = 0; foo z[3];", "(var foo [x]) (var foo [y *% = 0]) (var foo [z [3]%])");
    check_body("T x; T *y; T (*z)(int);", "(var T [x]) (var T [y *%]) (var T [z *(int)->%])");
    check_body("v * w;", "(Mul v w)");
    check_body("foo * w;", "(var foo [w *%])");
    check_body("struct s x = {0}, *y;", "(var struct s [x = {0}] [y *%])");
    check_body("int T = 3; T * w; x = (T) - 1;", "(var int [T = 3]) (Mul T w) (= x (Sub T 1))");
    check_body("{ typedef int foo; foo * w; } ", "{(var:typedef int [foo]) (var foo [w *%])}");
    check_body("LIST_OF(x) *list = f();", "(var ? [list *% = (f)])");
    check_body("register i; static T t;", "(var int [i]) (var:static T [t])");
    check_body("int a[n], b = sizeof a;", "(var int [a [n]%] [b = (sizeof a)])");
    check_body("const foo *x = y, z;", "(var foo [x *% = y] [z])");
    check_body("int UNIQUE(x) = 1;", "(var int [UNIQUE = 1])");
    check_body("foo f(int);", "(var foo [f (int)->%])");
}
