"""What labels cost: pay, quality control, platform fees, plans and the wage that a price implies."""
