"""How a receipt becomes lines, blocks and at last a PDF."""
