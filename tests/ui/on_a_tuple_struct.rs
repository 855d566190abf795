use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer(#[record(subject)] i64, #[record(seal)] String);

fn main() {}
