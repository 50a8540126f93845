"""What Airflow's FAB auth manager is set up by: Tidemark's roles, and sign-in at an OpenID provider where one is named."""

from fab_access import TidemarkSecurityManager

from tidemark.deployment import openid
from tidemark.settings import settings

SECURITY_MANAGER_CLASS = TidemarkSecurityManager
globals().update(openid.flask_config(settings()))
