# Fine-Gray models by survival's finegray + coxph and by cmprsk's crr. Run with: Rscript tests/reference/fine_gray.R
# Writes fine_gray.csv (from survival's mgus2) and fine_gray.json beside this file.
suppressMessages({library(survival); library(cmprsk); library(jsonlite)})
here <- "tests/reference"
d <- survival::mgus2[1:600, c("id", "age", "sex", "hgb", "ptime", "pstat", "futime", "death")]
d <- d[!is.na(d$hgb), ]
d$stop <- with(d, ifelse(pstat == 0, futime, ptime))
d$exit <- c("censored", "pcm", "death")[with(d, ifelse(pstat == 0, 2 * death, 1)) + 1]
d$sex <- as.character(d$sex)
d$start <- pmin((d$id * 37) %% 60 * (d$id %% 4 == 0), d$stop - 1)  # a quarter comes late, by up to 59 months
d$w <- 1 + d$id %% 3
d$centre <- d$id %% 25
d <- d[d$start < d$stop, c("id", "start", "stop", "exit", "sex", "age", "hgb", "w", "centre")]
d$untied <- d$stop + rank(d$stop, ties.method = "first") / 1000  # no two alike
write.csv(d, file.path(here, "fine_gray.csv"), row.names = FALSE)
d$exit <- factor(d$exit, c("censored", "pcm", "death"))
d$male <- as.numeric(d$sex == "M")

control <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 50)
new <- data.frame(sex = c("F", "M"), age = c(60, 75), hgb = c(14, 12))
by_cox <- function(rows, ties) {
  fit <- coxph(Surv(fgstart, fgstop, fgstatus) ~ sex + age + hgb, rows, weights = fgwt, cluster = id, ties = ties,
    control = control)
  curves <- survfit(fit, newdata = new, se.fit = FALSE, cumhaz = TRUE)
  event <- curves$n.event > 0
  list(coef = unname(coef(fit)), known_error = unname(sqrt(diag(vcov(fit)))), model_error = unname(sqrt(diag(fit$naive.var))),
    loglik = fit$loglik[2], time = curves$time[event], first = 1 - curves$surv[event, 1], second = 1 - curves$surv[event, 2])
}
by_crr <- function(time, exit, event = "pcm") {
  x <- as.matrix(d[, c("male", "age", "hgb")])
  fit <- crr(time, exit, x, failcode = event, cencode = "censored", gtol = 1e-14, maxiter = 100)
  stopifnot(fit$converged)
  curves <- predict(fit, rbind(c(0, 60, 14), c(1, 75, 12)))
  list(coef = unname(fit$coef), error = sqrt(diag(fit$var)), loglik = fit$loglik, time = curves[, 1],
    first = curves[, 2], second = curves[, 3])
}
plain <- finegray(Surv(stop, exit) ~ ., d, etype = "pcm")
late <- finegray(Surv(start, stop, exit) ~ ., d, id = id, etype = "pcm")
copies <- d[rep(seq_len(nrow(d)), d$w), ]  # finegray leaves weights out of its Kaplan-Meier, copies are in it
copies$copy <- seq_len(nrow(copies))
copied <- finegray(Surv(stop, exit) ~ ., copies, etype = "pcm")
copied_late <- finegray(Surv(start, stop, exit) ~ ., copies, id = copy, etype = "pcm")
deaths <- finegray(Surv(stop, exit) ~ ., d, etype = "death")
exit <- as.character(d$exit)
out <- list(
  versions = paste(R.version.string, "survival", packageVersion("survival"), "cmprsk", packageVersion("cmprsk")),
  "finegray efron" = by_cox(plain, "efron"),
  "finegray breslow" = by_cox(plain, "breslow"),
  "finegray deaths efron" = by_cox(deaths, "efron"),
  "finegray deaths breslow" = by_cox(deaths, "breslow"),
  "finegray late efron" = by_cox(late, "efron"),
  "finegray late breslow" = by_cox(late, "breslow"),
  "finegray copies breslow" = by_cox(copied, "breslow"),
  "finegray late copies breslow" = by_cox(copied_late, "breslow"),
  # crr lets those who leave at t be censored at t; finegray does not. Censored half a month later, nobody can be.
  "crr" = by_crr(d$stop + 0.5 * (exit == "censored"), exit),
  "crr deaths" = by_crr(d$stop + 0.5 * (exit == "censored"), exit, "death"),
  "crr untied" = by_crr(d$untied, exit)
)
write_json(out, file.path(here, "fine_gray.json"), digits = I(17), auto_unbox = TRUE, na = "null")
