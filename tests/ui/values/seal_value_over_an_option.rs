use fieldseal::SealValue;

#[derive(SealValue)]
struct Nickname(Option<String>);

fn main() {}
