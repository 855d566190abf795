use fieldseal::SealValue;

#[derive(SealValue)]
enum Plan {
    Free,
    Paid,
}

fn main() {}
