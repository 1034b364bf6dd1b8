countenance-pack/v1
us-va-2026
1.0
adfd2f8186298051e61e4ed01d3a8c46edd6d113f61bf3fe41b2a483c4c0c21e

— countenance.example/packs c9+fZJ/ks1vSv5yc3CF7x+v/PmdWqeaAZgXG5lYdr0egRO+HNVa/GE3yghlviyum6bulfULg1wtZUX4/sDXGO5bnuAk=
