# Reference numbers for tests/test_cox.py, test_hazard.py and test_logit.py.
# Run with: Rscript tests/reference/survival.R   (R's survival, sandwich and lmtest packages)
# Writes the data sets used (csv) and survival.json beside this file.
suppressMessages({library(survival); library(sandwich)})
here <- "tests/reference"
number <- function(x) sprintf("%.17g", as.numeric(x))
array <- function(x) paste0("[", paste(ifelse(is.na(x), "null", number(x)), collapse = ","), "]")
field <- function(name, value) paste0("\"", name, "\":", value)

heart <- survival::heart[, c("start", "stop", "event", "age", "year", "surgery", "transplant", "id")]
heart$transplant <- as.integer(heart$transplant == "1")
cgd <- survival::cgd[, c("id", "center", "treat", "sex", "age", "height", "weight", "inherit", "tstart", "tstop", "status")]
cgd$treat <- ifelse(cgd$treat == "placebo", "placebo", "treated")
cgd$wt <- 1 + (cgd$id %% 3) / 2
veteran <- survival::veteran
veteran$late <- as.integer(veteran$time > 100)
veteran$w <- 1 + (seq_len(nrow(veteran)) %% 4)
write.csv(heart, file.path(here, "heart.csv"), row.names = FALSE)
write.csv(cgd, file.path(here, "cgd.csv"), row.names = FALSE)
write.csv(veteran, file.path(here, "veteran.csv"), row.names = FALSE)

control <- coxph.control(eps = 1e-14, toler.chol = 1e-14, iter.max = 50)
one_cox <- function(name, fit) {
  robust <- !is.null(fit$naive.var)
  base <- basehaz(fit, centered = FALSE)
  paste0("{", paste(field("name", paste0("\"", name, "\"")), field("coef", array(coef(fit))),
    field("std_error", array(sqrt(diag(vcov(fit))))), field("loglik", number(fit$loglik[2])),
    field("hazard", array(base$hazard)), field("time", array(base$time)), sep = ","), "}")
}
heart_formula <- Surv(start, stop, event) ~ age + year + surgery + transplant
cgd_formula <- Surv(tstart, tstop, status) ~ treat + sex + age + height + weight + inherit
cox <- c(
  one_cox("heart efron", coxph(heart_formula, heart, control = control)),
  one_cox("heart breslow", coxph(heart_formula, heart, ties = "breslow", control = control)),
  one_cox("heart robust", coxph(heart_formula, heart, id = id, cluster = id, control = control)),
  one_cox("cgd efron", coxph(cgd_formula, cgd, control = control)),
  one_cox("cgd cluster center", coxph(update(cgd_formula, . ~ .), cgd, cluster = center, control = control)),
  one_cox("cgd weights cluster id", coxph(cgd_formula, cgd, weights = wt, cluster = id, control = control)),
  one_cox("cgd strata", coxph(update(cgd_formula, . ~ . - sex + strata(sex)), cgd, control = control)),
  one_cox("cgd strata cluster id", coxph(update(cgd_formula, . ~ . - sex + strata(sex)), cgd, cluster = id, control = control)),
  one_cox("cgd offset", coxph(update(cgd_formula, . ~ . - age + offset(age / 20)), cgd, control = control)),
  one_cox("veteran ties", coxph(Surv(time, status) ~ trt + celltype + karno + age, veteran, control = control)),
  one_cox("veteran ties weights", coxph(Surv(time, status) ~ trt + karno + age, veteran, weights = w, robust = FALSE, control = control))
)

one_glm <- function(name, fit, extra = NULL) {
  paste0("{", paste(c(field("name", paste0("\"", name, "\"")), field("coef", array(coef(fit))),
    field("std_error", array(sqrt(diag(vcov(fit))))), field("loglik", number(as.numeric(logLik(fit)))), extra),
    collapse = ","), "}")
}
tight <- glm.control(epsilon = 1e-15, maxit = 100)
# glm stops when the deviance does, some digits before the coefficients do: go on from where it stopped
polished <- function(fit) { for (round in 1:20) { from <- coef(fit); fit <- suppressWarnings(update(fit, start = from)) }; fit }
logit <- glm(late ~ karno + age + celltype, binomial, veteran, control = tight)
weighted <- suppressWarnings(glm(late ~ karno + age + celltype, binomial, veteran, weights = w, control = tight))
# person-periods of 90 days from cgd's first infections
long <- survSplit(Surv(tstart, tstop, status) ~ ., cgd, cut = seq(90, 360, 90), episode = "period", start = "tstart", end = "tstop")
long$exposure <- (long$tstop - long$tstart) / 90
long$exposure[long$status == 1] <- pmax(long$exposure[long$status == 1], 0.1)
long$exposure <- pmin(long$exposure, 1)
write.csv(long, file.path(here, "cgd_periods.csv"), row.names = FALSE)
cll <- glm(status ~ factor(period) + treat + age, binomial("cloglog"), long, control = tight)
part <- glm(status ~ factor(period) + treat + age + offset(log(exposure)), binomial("cloglog"), long, control = tight)
lgt <- glm(status ~ factor(period) + treat + age, binomial, long, control = tight)
logit <- polished(logit); weighted <- polished(weighted); cll <- polished(cll); part <- polished(part); lgt <- polished(lgt)
errors <- function(fit, ...) field("cluster", array(sqrt(diag(vcovCL(fit, ..., cadjust = FALSE, type = "HC0")))))
two <- field("two_way", array(sqrt(diag(vcovCL(cll, ~ id + center, cadjust = FALSE, type = "HC0")))))
g <- length(unique(long$id))
glms <- c(
  one_glm("logit", logit, field("robust", array(sqrt(diag(sandwich(logit)))))),
  one_glm("logit weights", weighted),
  one_glm("cloglog", cll, c(errors(cll, cluster = ~ id), two,
    field("cr1", array(sqrt(diag(vcovCL(cll, ~ id, type = "HC0", cadjust = TRUE)))) ))),
  one_glm("cloglog exposure", part, errors(part, cluster = ~ id)),
  one_glm("hazard logit", lgt, errors(lgt, cluster = ~ id))
)
versions <- paste(R.version.string, "survival", packageVersion("survival"), "sandwich", packageVersion("sandwich"))
writeLines(paste0("{", field("versions", paste0("\"", versions, "\"")), ",\n", field("cox", paste0("[\n", paste(cox, collapse = ",\n"), "]")),
  ",\n", field("glm", paste0("[\n", paste(glms, collapse = ",\n"), "]")), "}"), file.path(here, "survival.json"))
