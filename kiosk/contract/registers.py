"""The registers that can be asked: one list, for the wire and for the catalogue.

It needs nothing but itself, so that the catalogue takes it without the models of the wire.
"""

from __future__ import annotations

from enum import StrEnum


class RecordKind(StrEnum):
    """Which register is asked."""

    SOCIAL_INSURANCE = "social-insurance"
    PENSION = "pension"
    MEDICAL_INSURANCE = "medical-insurance"
    MEDICAL_COSTS = "medical-costs"
    WORK_INJURY = "work-injury"
    UNEMPLOYMENT = "unemployment"
    EMPLOYMENT = "employment"
    HOUSING_FUND = "housing-fund"
    PUBLIC_HOUSING = "public-housing"
    REAL_ESTATE = "real-estate"
    HOUSE_CONTRACT = "house-contract"
    HOUSEHOLD = "household"
    RESIDENCE_PERMIT = "residence-permit"
    CRIMINAL_RECORD = "criminal-record"
    EXIT_ENTRY = "exit-entry"
    MARRIAGE = "marriage"
    INCOME_TAX = "income-tax"
    COMPANY = "company"
    VEHICLE = "vehicle"
    DRIVING_LICENCE = "driving-licence"
    TRAFFIC_FINES = "traffic-fines"
    CITIZEN_CARD = "citizen-card"
    TRANSIT_CARD = "transit-card"
    DISABILITY = "disability"
    SOCIAL_ASSISTANCE = "social-assistance"
    SENIOR_BENEFITS = "senior-benefits"
    VETERAN = "veteran"
    VACCINATION = "vaccination"
    HEALTH_RECORD = "health-record"
    SCHOOL = "school"
    QUALIFICATION = "qualification"
    ARCHIVES = "archives"
    LAND_CONTRACT = "land-contract"
    LIBRARY = "library"
    CASES = "cases"  # one's own applications and how far they are
    WATER_BILL = "water-bill"
    POWER_BILL = "power-bill"
    GAS_BILL = "gas-bill"
    TELECOM_BILL = "telecom-bill"
    NON_TAX_BILL = "non-tax-bill"
