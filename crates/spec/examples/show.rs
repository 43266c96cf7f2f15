//! Shows what is read of a spec, or what is wrong with it.

fn main() {
    let file = std::env::args().nth(1).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    match abide_spec::Spec::from_bytes(&bytes) {
        Ok(spec) => println!("{}", spec.to_toml()),
        Err(errors) => print!("{}", errors.render(file.as_ref(), &text, false)),
    }
}
