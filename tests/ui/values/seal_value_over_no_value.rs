use fieldseal::SealValue;

struct Date;

#[derive(SealValue)]
struct Born(Date);

fn main() {}
