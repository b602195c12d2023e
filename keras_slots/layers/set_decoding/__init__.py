"""The parts that DSPN and iDSPN need."""
