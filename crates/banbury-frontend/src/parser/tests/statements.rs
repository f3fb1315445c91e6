use super::check_body;

#[test]
fn control() {
    check_body("if (a) b(); else if (c) d(); else { e(); }", "(if a (b) (if c (d) {(e)}))");
    check_body("while (a) b();", "(while a (b))");
    check_body("do a(); while (b);", "(do (a) b)");
    check_body("for (i = 0; i < n; i++) a();", "(for (= i 0) (Lt i n) (PostInc i) (a))");
    check_body("for (;;) { }", "(for _ _ _ {})");
    check_body("for (int i = 0, j; ; ) ;", "(for (var int [i = 0] [j]) _ _ ;)");
    check_body("for (foo *p = a; p; p = p->next) ;", "(for (var foo [p *% = a]) p (= p p->next) ;)");
    check_body("goto out; out: return;", "(goto out) (label out (return _))");
    check_body("goto *p;", "(goto *p)");
    check_body("return a, b;", "(return (, a b))");
    check_body("break; continue;", "break continue");
}

#[test]
fn switches() {
    check_body(
        "switch (a) { case 1: case 2: b(); break; case 3 ... 5: default: c(); }",
        "(switch a {(case 1 ;) (case 2 (b)) break (case 3..5 ;) (default (c))})",
    );
    check_body("switch (a) case 1: case 2: b();", "(switch a (case 1 (case 2 (b))))");
    check_body(
        "switch (a) { case A ? B : C: int x = 1; }",
        "(switch a {(case (? A B C) (var int [x = 1]))})",
    );
    check_body("if (a) l: b();", "(if a (label l (b)))");
    check_body("switch (a) { default: }", "(switch a {(default ;)})");
}

#[test]
fn gnu() {
    check_body("__label__ a, b; a: b: ;", "; (label a ;) (label b ;)");
    check_body(
        "asm volatile (\"x\" : \"=r\" (a), [n] \"+m\" (*b) : \"r\" (c) : \"memory\");",
        "(asm a (Deref b))",
    );
    check_body("asm(\"nop\"); __asm__ goto (\"x\" : : : : l);", "(asm ) (asm )");
    check_body("asm volatile(\"x\"::\"r\"(a));", "(asm )");
    check_body("__attribute__((fallthrough)); [[fallthrough]];", "; ;");
    check_body("__attribute__((unused)) int x;", "(var@unused int [x])");
    check_body("__extension__ int x; _Static_assert(1, \"a\");", "(var int [x]) ;");
}

#[test]
fn macros() {
    check_body("FOO(x)\nbar();", "(FOO x) (bar)");
    check_body("FOO(x)\n", "(FOO x)");
    check_body("FOO\nbar();", "FOO (bar)");
    check_body("FOO\nint x;", "FOO (var int [x])");
    check_body("FOO\nbar x;", "FOO (var bar [x])");
    check_body("list_for_each_entry(a, b, c) { d(); }", "(while (list_for_each_entry a b c) {(d)})");
    check_body("list_for_each(a, b) d();", "(while (list_for_each a b) (d))");
    check_body("list_for_each(a, b) if (c) d(); e();", "(while (list_for_each a b) (if c (d))) (e)");
    check_body("list_for_each(a, b)\n++n;", "(while (list_for_each a b) (PreInc n))");
    check_body("for_each(a, b) (void) d(a);", "(while (for_each a b) (cast void (d a)))");
    check_body(
        "list_for_each_entry(p, struct s, m)\n\t*p = 0;",
        "(while (list_for_each_entry p (sizeof-type struct s) m) (= (Deref p) 0))",
    );
    check_body("GUARD(x) { d(); }", "(while (GUARD x) {(d)})");
    check_body("TRY { d(); } CATCH (x) { e(); }", "(while (? TRY) {(d)}) (while (CATCH x) {(e)})");
    check_body("do { a(); } END_WHILE(x);", "(do {(a)} ?)");
    check_body("if likely(x) y();", "(if (likely x) (y))");
    check_body("for (EACH(a, b)) c();", "(while (EACH a b) (c))");
    check_body("IF_X(a) b(); else c();", "(if (IF_X a) (b) (c))");
    check_body("FAIL_IF(x) return;", "(FAIL_IF x) (return _)");
}
