use fieldseal::Record;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal, index(prefix(max = 3), cardinality = 1_000_000))]
    value: i64,
}

fn main() {}
