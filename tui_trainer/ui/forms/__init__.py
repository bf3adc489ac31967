"""Forms: pydantic models as editable fields."""
