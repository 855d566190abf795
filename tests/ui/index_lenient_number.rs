use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(exact, cardinality = 1_000_000, lenient))]
    value: i64,
}

fn main() {}
