use fieldseal::SealValue;

#[derive(SealValue)]
struct Nothing;

fn main() {}
