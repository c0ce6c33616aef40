"""What all formats share: the texts of a record, apart from its outputs."""


def texts_of(layout, records, place):
    """{field: text or None} of a row that are no outputs: its name, its label, its error."""
    fields = {layout.name: records.names[place]} if layout.name else {}
    if layout.has_labels:
        fields["label"] = records.labels[place]
    return fields
