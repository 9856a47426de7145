use super::*;

/// Paths and sources.
type Scripts = &'static [(&'static str, &'static str)];

const HTML: &str = "<html>\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'self'\">\n\
<link rel=\"icon\" href=\"icon.svg\">\n<link rel=\"stylesheet\" href=\"a.css\">\n<link rel=\"stylesheet\" href=\"b.css\">\n\
<script type=\"module\" src=\"app.js\"></script>\n<img src=\"icon.svg\" alt=\"\">\n</html>\n";

fn app(scripts: &[(&str, &str)]) -> FileSet {
    let mut files = FileSet::default();
    files.insert("index.html", HTML.as_bytes());
    files.insert("icon.svg", &b"<svg xmlns=\"x\"/>"[..]);
    files.insert("a.css", &b"a {}"[..]);
    files.insert("b.css", &b"b {}"[..]);
    for (path, text) in scripts {
        files.insert(*path, text.as_bytes());
    }
    files
}

fn where_it_fails(scripts: &[(&str, &str)]) -> (String, u32) {
    match standalone(&app(scripts)).unwrap_err() {
        AgentError::Failed { file: Some(file), line: Some(line), .. } => (file, line),
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_stands_in_one_file() {
    let page = standalone(&app(&[
        ("app.js", "import { b as c } from './src/b.js';\nc('</script>');\n"),
        (
            "src/b.js",
            "// export nothing\nimport './x.js';\nexport function b() {}\nexport const d = `export`;\n",
        ),
        ("src/x.js", "const s = '\\nexport function no() {}';\n"),
    ]))
    .unwrap();
    assert!(
        !page.contains("href=\"a.css\"")
            && !page.contains("src=\"app.js\"")
            && !page.contains("\"icon.svg\"")
    );
    assert!(page.contains("<style>\na {}\nb {}\n</style>"));
    assert!(page.contains("const { b: c } = module1_src_b_js;"), "{page}");
    assert!(page.contains("return { b, d };"));
    assert!(page.contains("c('<\\/script>');"));
    assert_eq!(page.matches("</script>").count(), 1);
    assert!(page.find("// src/x.js").unwrap() < page.find("// src/b.js").unwrap());
    assert!(page.find("// src/b.js").unwrap() < page.find("// app.js").unwrap());
    assert!(page.contains("script-src 'sha256-") && !page.contains("'self'"));
}

#[test]
fn the_policy_names_the_hash_of_what_stands_there() {
    let page = standalone(&app(&[("app.js", "start();\n")])).unwrap();
    let script = page.split("<script type=\"module\">").nth(1).unwrap().split("</script>").next().unwrap();
    let hash = base64(&Sha256::digest(script.as_bytes()));
    assert!(page.contains(&format!("script-src 'sha256-{hash}'")));
}

#[test]
fn base64_as_in_the_standard() {
    for (text, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
    {
        assert_eq!(base64(text.as_bytes()), expected);
    }
}

#[test]
fn what_cannot_be_joined_is_named_with_file_and_line() {
    let cases: [(Scripts, &str, u32); 10] = [
        (&[("app.js", "\nimport { a } from './gone.js';\n")], "app.js", 2),
        (&[("app.js", "import { a } from './b.js';\n"), ("b.js", "export function b() {}\n")], "app.js", 1),
        (&[("app.js", "import x from './b.js';\n"), ("b.js", "export function b() {}\n")], "app.js", 1),
        (&[("app.js", "import * as x from './b.js';\n"), ("b.js", "export function b() {}\n")], "app.js", 1),
        (&[("app.js", "\n\nimport { b } from 'b';\n"), ("b.js", "export function b() {}\n")], "app.js", 3),
        (
            &[("app.js", "const x = await import('./b.js');\n"), ("b.js", "export function b() {}\n")],
            "app.js",
            1,
        ),
        (&[("app.js", "import { b } from './b.js';\n"), ("b.js", "//\nexport default 1;\n")], "b.js", 2),
        (&[("app.js", "import './b.js';\n"), ("b.js", "export { b } from './c.js';\n")], "b.js", 1),
        (&[("app.js", "import './b.js';\n"), ("b.js", "\nimport './app.js';\n")], "b.js", 2),
        (&[("app.js", "import './app.js';\n")], "app.js", 1),
    ];
    for (scripts, file, line) in cases {
        assert_eq!(where_it_fails(scripts), (file.to_owned(), line), "{scripts:?}");
    }
    assert!(standalone(&FileSet::default()).is_err());
    let mut files = app(&[("app.js", "start();\n")]);
    files.insert("index.html", HTML.replace("b.css", "gone.css").into_bytes());
    assert!(standalone(&files).unwrap_err().to_string().contains("index.html:5"));
}
