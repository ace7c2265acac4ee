//! Every language's table on a text whose figures a person can count.

use super::*;
use expect_test::{Expect, expect};

fn check(path: &str, text: &str, expected: Expect) {
    let measured = measure(path, text.as_bytes());
    let shown = match &measured {
        Measured::File(file) => show(file),
        other => format!("{other:?}"),
    };
    expected.assert_eq(&shown);
}

fn show(file: &FileMetrics) -> String {
    let Lines { code, comment, blank } = file.lines;
    let errors = (file.error_share * 100.0).round();
    let mut shown = format!(
        "{}: {code} code, {comment} comment, {blank} blank; {:?}, {errors} % errors\n",
        file.language, file.depth
    );
    for function in &file.functions {
        shown.push_str(&format!(
            "{} {}-{}: {} parameters, cyclomatic {}, cognitive {}, nesting {}{}\n",
            function.full_name(),
            function.first_line,
            function.last_line,
            function.parameters,
            function.cyclomatic,
            function.cognitive,
            function.nesting,
            if function.included { ", included" } else { "" }
        ));
    }
    for note in &file.notes {
        shown.push_str(&format!("note {}: {}\n", note.line, note.text));
    }
    shown
}

#[test]
fn rust() {
    check(
        "a.rs",
        "struct A;
impl<T> A<T> {
    // TODO: less of it
    fn sum(&self, list: &[u32], most: u32) -> u32 {
        let mut sum = 0;
        for item in list { // +1
            if *item > most && *item != 7 { // +2, +1
                continue;
            } else if *item == 3 { // +1
                sum += 1;
            } else { // +1
                sum += match item { // +2
                    1 => 1,
                    2 => 2,
                    _ => 3,
                };
            }
        }
        let Some(x) = list.first() else { return 0 }; // +1
        list.iter().filter(|y| if **y > 1 { true } else { false }).count(); // +2 +1
        sum + x
    }
}
fn fact(n: u64) -> u64 {
    if n == 0 { 1 } else { n * fact(n - 1) }
}
fn path(a: bool, b: bool, c: bool) -> Option<bool> {
    'outer: loop {
        if a || b && c || !(a && b) { break 'outer; }
        let inner = Some(a)?;
        println!(\"{}\", if inner { 1 } else { 2 });
    }
    None
}
",
        expect![[r#"
            Rust: 33 code, 1 comment, 0 blank; Functions, 0 % errors
            A.sum 4-22: 2 parameters, cyclomatic 9, cognitive 13, nesting 3
            fact 24-26: 1 parameters, cyclomatic 2, cognitive 3, nesting 1
            path 27-34: 3 parameters, cyclomatic 8, cognitive 8, nesting 2
            note 3: // TODO: less of it
        "#]],
    );
}

#[test]
fn python() {
    check(
        "a.py",
        "class A(B):
    def m(self, a, *, b=1, **rest):
        '''Doc'''
        try:
            for x in a:
                if x and b or rest:
                    return [y for y in a if y]
                elif b:
                    pass
                else:
                    pass
        except (E, F):
            return 1 if a else 2
        finally:
            while a: a = lambda q: q or a
        def inner(z):
            if z: return inner(z)
        match a:
            case 1: pass
            case _: pass
",
        expect![[r#"
            Python: 20 code, 0 comment, 0 blank; Functions, 0 % errors
            A.inner 16-17: 1 parameters, cyclomatic 2, cognitive 2, nesting 1
            A.m 2-20: 3 parameters, cyclomatic 15, cognitive 13, nesting 2
        "#]],
    );
}

#[test]
fn javascript_and_typescript() {
    check(
        "a.js",
        "class A { m(a, b = 1) { return a ? b : a ?? b; } #p() {} }
const f = (x) => { if (x) { list.map(y => { if (y) return y; }); } };
export default function () {
  outer: for (const a of b) { while (a) { continue outer; } }
  switch (a) { case 1: break; case 2: break; default: }
  try { g(); } catch (e) { if (e) {} else if (b) {} else {} }
}
describe('x', () => { it('y', () => { if (1) {} }); });
",
        expect![[r#"
            JavaScript: 8 code, 0 comment, 0 blank; Functions, 0 % errors
            A.m 1-1: 2 parameters, cyclomatic 4, cognitive 1, nesting 1
            A.#p 1-1: 0 parameters, cyclomatic 1, cognitive 0, nesting 0
            (anonymous) 2-2: 1 parameters, cyclomatic 2, cognitive 1, nesting 1, included
            f 2-2: 1 parameters, cyclomatic 2, cognitive 4, nesting 3
            (anonymous) 3-7: 0 parameters, cyclomatic 8, cognitive 10, nesting 2
            (anonymous) 8-8: 0 parameters, cyclomatic 2, cognitive 1, nesting 1
            (anonymous) 8-8: 0 parameters, cyclomatic 1, cognitive 0, nesting 0
        "#]],
    );
    check(
        "a.tsx",
        "interface P { a?: number }
export function C({ a }: P, b?: string, c: number = 2): JSX.Element {
  const g = function named<T>(x: T) { return x && a || b; };
  return a ? <div onClick={() => { if (b) g(1); }}>{a}</div> : <p/>;
}
",
        expect![[r#"
            TSX: 5 code, 0 comment, 0 blank; Functions, 0 % errors
            g 3-3: 1 parameters, cyclomatic 3, cognitive 2, nesting 0
            (anonymous) 4-4: 0 parameters, cyclomatic 2, cognitive 1, nesting 1, included
            C 2-5: 3 parameters, cyclomatic 3, cognitive 4, nesting 3
        "#]],
    );
}

#[test]
fn go() {
    check(
        "a.go",
        "package a
func (s *Set[T]) Add(a, b int, rest ...string) (int, error) {
	if a > 1 { return 0, nil } else if b > 1 { return 1, nil } else { go func() { if a > 2 { s.x() } }() }
	switch { case a > 1: return 1, nil
	default: }
	select { case <-c: }
Loop:
	for i := range rest { break Loop }
	return s.Add(1, 2)
}
func f() {}
",
        expect![[r#"
            Go: 11 code, 0 comment, 0 blank; Functions, 0 % errors
            (anonymous) 3-3: 0 parameters, cyclomatic 2, cognitive 1, nesting 1, included
            Set.Add 2-10: 3 parameters, cyclomatic 6, cognitive 10, nesting 3
            f 11-11: 0 parameters, cyclomatic 1, cognitive 0, nesting 0
        "#]],
    );
}

#[test]
fn java() {
    check(
        "A.java",
        "class A<T> extends B {
  A(int a) { super(a); }
  abstract void none();
  @Override public int m(final String s, int... rest) throws E {
    for (int i : rest) { if (i > 1) { return i; } else { i--; } }
    int x = switch (s) { case \"a\", \"b\" -> 1; default -> 2; };
    Runnable r = () -> { if (x > 1) {} };
    try { } catch (E | F e) { return x > 1 ? 1 : 2; } finally {}
    do { x--; } while (x > 0 && x < 9);
    return new C() { public int n() { return 1; } }.n();
  }
}
",
        expect![[r#"
            Java: 12 code, 0 comment, 0 blank; Functions, 0 % errors
            A.A 2-2: 1 parameters, cyclomatic 1, cognitive 0, nesting 0
            A.n 10-10: 0 parameters, cyclomatic 1, cognitive 0, nesting 0
            A.m 4-11: 2 parameters, cyclomatic 9, cognitive 12, nesting 2
        "#]],
    );
}

#[test]
fn c_and_cpp() {
    check(
        "a.c",
        "#include <a.h>
static char *f(void) { return 0; }
int g(int a, char **b)
{
#ifdef X
  if(a) goto end;
#endif
  for(;;) { while(a) { do { a--; } while(a && b); } }
  switch(a) { case 1: case 2: break; default: break; }
  return a ? 1 : 2; /* XXX: why? */
end:
  return 1;
}
",
        expect![[r#"
            C: 13 code, 0 comment, 0 blank; Functions, 0 % errors
            f 2-2: 0 parameters, cyclomatic 1, cognitive 0, nesting 0
            g 3-13: 2 parameters, cyclomatic 10, cognitive 11, nesting 3
            note 10: /* XXX: why? */
        "#]],
    );
    check(
        "a.cpp",
        "namespace n { class A { int m() const { return x_; } A() = default; ~A() {} }; }
template <class T> T B<T>::get(T&& a, int b = 1) noexcept {
  for (auto& x : a) { if (x and b) { } else if (b) { } else { } }
  auto f = [&](int y) { return y > 1 ? 1 : 2; };
  try { } catch (const E& e) { }
}
",
        expect![[r#"
            C++: 6 code, 0 comment, 0 blank; Functions, 0 % errors
            A.m 1-1: 0 parameters, cyclomatic 1, cognitive 0, nesting 0
            A.~A 1-1: 0 parameters, cyclomatic 1, cognitive 0, nesting 0
            B<T>::get 2-6: 2 parameters, cyclomatic 8, cognitive 9, nesting 2
        "#]],
    );
}

#[test]
fn c_sharp() {
    check(
        "A.cs",
        "class A {
  public int P { get { return x ?? 1; } set => x = value; }
  async Task M(string s, int i = 2) {
    foreach (var x in s) { if (x > 1) { } else if (x < 0) { } else { } }
    var y = s switch { \"a\" => 1, \"b\" => 2, _ => 3 };
    switch (i) { case 1: break; default: goto case 1; }
    try { } catch (E) when (i > 1) { L(z => z ? 1 : 2); }
    y ??= s?.Length;
    int Local(int q) { while (q > 1 && true) q--; return q; }
  }
}
",
        expect![[r#"
            C#: 11 code, 0 comment, 0 blank; Functions, 0 % errors
            P.get 2-2: 0 parameters, cyclomatic 2, cognitive 0, nesting 0
            P.set 2-2: 0 parameters, cyclomatic 1, cognitive 0, nesting 0
            A.Local 9-9: 1 parameters, cyclomatic 3, cognitive 2, nesting 1
            A.M 3-10: 2 parameters, cyclomatic 12, cognitive 12, nesting 3
        "#]],
    );
}

#[test]
fn ruby() {
    check(
        "a.rb",
        "module A
  class B < C
    def self.m(a, b = 1, *rest, &block)
      return a if b && a
      if a then 1 elsif b then 2 else 3 end
      unless a then b end
      rest.each { |x| puts x while x }
      case a when 1 then 2 when 3 then 4 else 5 end
      begin; x; rescue E => e; y; ensure; z; end
      @a ||= a ? b : m(a)
    end
    def n; end
  end
end
",
        expect![[r#"
            Ruby: 14 code, 0 comment, 0 blank; Functions, 0 % errors
            B.m 3-11: 4 parameters, cyclomatic 13, cognitive 12, nesting 2
            B.n 12-12: 0 parameters, cyclomatic 1, cognitive 0, nesting 0
        "#]],
    );
}

#[test]
fn php() {
    check(
        "a.php",
        "<?php
abstract class A { abstract function no();
  public function m(int $a, ?string $b = null, ...$rest) {
    foreach ($a as $k => $v) { if ($k) { } elseif ($v) { } else if ($b) { } else { } }
    $f = function ($x) { return $x && $x; };
    $g = fn($x) => $x ? 1 : 2;
    try { } catch (E $e) { }
    return match(true) { $a > 1 => 1, default => 2 };
  }
}
",
        expect![[r#"
            PHP: 10 code, 0 comment, 0 blank; Functions, 0 % errors
            A.$f 5-5: 1 parameters, cyclomatic 2, cognitive 1, nesting 0
            A.m 3-9: 3 parameters, cyclomatic 9, cognitive 10, nesting 2
        "#]],
    );
}

#[test]
fn shell() {
    check(
        "run",
        "#!/bin/sh
# FIXME: quoting
f() {
  if [ -n \"$1\" ] && test a || b; then
    for x in a b; do echo $x; done
  elif true; then :; else
    case $1 in a) echo;; b|c) echo;; *) ;; esac
  fi
  while read -r l; do f; done
}
",
        expect![[r#"
            Shell: 8 code, 2 comment, 0 blank; Functions, 0 % errors
            f 3-10: 0 parameters, cyclomatic 10, cognitive 10, nesting 2
            note 2: # FIXME: quoting
        "#]],
    );
}

#[test]
fn what_has_no_functions() {
    check(
        "a.kt",
        "// TODO: x\nfun f() {}\n\n",
        expect![[r#"
        Kotlin: 1 code, 1 comment, 1 blank; LinesOnly, 0 % errors
        note 1: // TODO: x
    "#]],
    );
    check("a.unknown", "x", expect!["Unknown"]);
    check("dist/a.js", "x", expect!["Skipped(Foreign)"]);
    check(
        "a.py",
        "",
        expect![[r#"
        Python: 0 code, 0 comment, 0 blank; Functions, 0 % errors
    "#]],
    );
    check(
        "a.rs",
        "fn f( { if }",
        expect![[r#"
        Rust: 1 code, 0 comment, 0 blank; Functions, 17 % errors
        f 1-1: 0 parameters, cyclomatic 2, cognitive 0, nesting 0
    "#]],
    );
}

/// Deep nesting and endless errors end in a result, on a small stack.
#[test]
fn hostile_texts_end() {
    let deep = [
        ("a.js", "[\n".repeat(100_000)),
        ("a.py", "(\n".repeat(50_000) + &")\n".repeat(50_000)),
        ("a.c", "{\n".repeat(50_000)),
        ("a.rs", "fn f() {\n".repeat(20_000)),
        ("a.cpp", "a<\n".repeat(20_000)),
        ("a.rb", "\"#{\n".repeat(20_000)),
        ("a.sh", "$(\n".repeat(20_000)),
        ("a.ts", "a?\n".repeat(20_000)),
        ("a.php", "<?php\n".repeat(10_000)),
        ("a.java", "\u{fffd}\u{1}/*\n".repeat(10_000)),
    ];
    for (path, text) in deep {
        let text = text.into_bytes();
        let thread = std::thread::Builder::new().stack_size(256 * 1024);
        let ended = thread.spawn(move || measure(path, &text)).expect("a thread").join();
        assert!(ended.is_ok_and(|measured| measured.file().is_some()), "{path}");
    }
}

#[test]
fn renamed_copies_have_the_same_tokens() {
    let classes = |text: &str| -> Vec<u32> {
        let (_, tokens) = measure_with_tokens("a.rs", text.as_bytes());
        tokens.iter().map(|token| token.class).collect()
    };
    assert_eq!(
        classes("fn a(b: u8) -> u8 { b + 1 } // x"),
        classes("fn c(d: u8)\n -> u8 { /* y */ d + 22 }")
    );
    assert_ne!(classes("fn a() { b() }"), classes("fn a() { b[1] }"));
}
