fn main() {
    let text = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let tokens = banbury_frontend::lexer::tokenize(&text, false);
    let unit = banbury_frontend::parser::parse(
        banbury_base::FileId(0),
        &tokens,
        banbury_frontend::parser::Mode::Full,
        &|_| None,
    );
    println!("{unit:#?}");
}
